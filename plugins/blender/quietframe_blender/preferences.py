"""Which service, and who asks."""

import bpy

from .client import Client
from .failure import Failure
from .messages import is_on_this_machine, without_service


class QuietframePreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    url: bpy.props.StringProperty(
        name="Service",
        description="Address of the quietframe service, on this machine or elsewhere",
        default="http://127.0.0.1:8080",
    )
    token: bpy.props.StringProperty(
        name="Token",
        description="Only where the service asks for one. Blender stores it with the preferences, readable",
        default="",
        subtype="PASSWORD",
    )

    def draw(self, _context):
        self.layout.prop(self, "url")
        self.layout.prop(self, "token")
        self.layout.operator("quietframe.test_connection")


def preferences_of(context):
    return context.preferences.addons[__package__].preferences


def client_of(context, sleep):
    """The client of the service in the preferences; raises Failure where it may not or cannot be asked."""
    preferences = preferences_of(context)
    url = preferences.url.strip()
    try:
        client = Client(url, token=preferences.token.strip() or None, timeout=60.0, sleep=sleep)
        on_this_machine = is_on_this_machine(url)
    except ValueError:
        raise Failure(without_service(url)) from None
    if not on_this_machine and not bpy.app.online_access:
        raise Failure(
            f"Blender is set not to go online, and the service {url} is on another machine. Turn on Preferences >"
            " System > Network > Allow Online Access"
        )
    return client
