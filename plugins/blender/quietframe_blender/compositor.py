"""Denoised pictures in the compositor."""

import contextlib

import bpy

NODE = "quietframe"


def compositor_tree(scene):
    """The node tree of the compositor, made where there is none."""
    if hasattr(scene, "compositing_node_group"):  # Blender 5
        if scene.compositing_node_group is None:
            tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
            tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
            layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
            output.location.x = 400
            tree.links.new(layers.outputs["Image"], output.inputs[0])
            scene.compositing_node_group = tree
        return scene.compositing_node_group
    if scene.node_tree is None:
        scene.use_nodes = True
    scene.use_nodes = True
    return scene.node_tree


def put_into_compositor(scene, image, layer=None, first=None, count=1):
    """Adds an image node of the denoised picture, and joins with it what took the render's Image before.

    layer: the one of the file that is denoised. first, count: frame numbers of a sequence. Used again, the node gets
    the new picture and stays where it is.
    """
    tree = compositor_tree(scene)
    node = tree.nodes.get(NODE)
    if node is None:
        node = tree.nodes.new("CompositorNodeImage")
        node.name, node.label = NODE, "Denoised"
    node.image = image
    if count > 1:
        node.frame_duration, node.frame_start, node.frame_offset = count, first, first - 1
        node.use_auto_refresh = True
    # Files of a render that was composited begin with the layer Composite, which is what was there before.
    for name in filter(None, (layer, *(each.name for each in scene.view_layers))):
        if node.has_layers:
            with contextlib.suppress(TypeError):
                node.layer = name
                break
    picture = node.outputs.get("Combined") or node.outputs[0]
    for link in list(tree.links):
        if link.from_node.bl_idname == "CompositorNodeRLayers" and link.from_socket.name == "Image":
            node.location = (link.from_node.location.x, link.from_node.location.y + 300)
            tree.links.new(picture, link.to_socket)
    return node
