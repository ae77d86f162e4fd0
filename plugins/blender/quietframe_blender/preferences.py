"""Which service, and who asks."""

from dataclasses import dataclass
from pathlib import Path

import bpy

from . import session
from .client import Client
from .failure import Failure
from .local_service import find_program
from .messages import is_on_this_machine, without_service


class QuietframePreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    bundle: bpy.props.StringProperty(
        name="Bundle",
        description="The bundle of quietframe, its folder or archive: the add-on starts a service on this machine."
        " Leave it empty to use the service at the address below",
        default="",
        subtype="FILE_PATH",
    )
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
        self.layout.prop(self, "bundle")
        column = self.layout.column()
        column.active = not uses_local_service(self)
        column.prop(self, "url")
        column.prop(self, "token")
        draw_service(self.layout)
        self.layout.operator("quietframe.test_connection")


def draw_service(layout):
    """State of the service on this machine, and what starts or stops it."""
    row = layout.row()
    state = session.service.state
    if state == "stopped":
        row.operator("quietframe.start_service", icon="PLAY")
    else:
        row.label(text="Local service: " + (session.service.url or "starting"), icon="CHECKMARK")
        row.operator("quietframe.stop_service", text="", icon="X")


def preferences_of(context):
    return context.preferences.addons[__package__].preferences


def uses_local_service(preferences):
    """Whether work goes to a service that the add-on starts."""
    return bool(preferences.bundle.strip()) or session.service.state != "stopped"


@dataclass(frozen=True)
class Connection:
    """How the service is reached. Made in Blender's thread, used in that of the work."""

    url: str
    token: str | None
    bundle: str
    installed: Path
    local: bool

    def open(self, task):
        """The client of the service; starts the one on this machine where it does not run."""
        if not self.local:
            return Client(self.url, token=self.token, timeout=60.0, sleep=task.sleep)
        task.url = self.start(task)
        return Client(task.url, timeout=60.0, sleep=task.sleep)

    def start(self, task):
        """Starts the service on this machine where it does not run, and returns its address."""
        running = session.service.url
        if running:
            return running
        task.tell(0.0, "Starting the service")
        return session.service.ensure(task, find_program(self.bundle, self.installed))


def connection_of(context, local=False):
    """The connection by the preferences; raises Failure where the service may not or cannot be asked.

    local: to the service on this machine, whatever the preferences say.
    """
    preferences = preferences_of(context)
    connection = Connection(
        url=preferences.url.strip(),
        token=preferences.token.strip() or None,
        bundle=bpy.path.abspath(preferences.bundle.strip()),
        installed=Path(bpy.utils.extension_path_user(__package__, path="bundles", create=True)),
        local=local or uses_local_service(preferences),
    )
    if not connection.local:
        _check_address(connection.url)
    return connection


def _check_address(url):
    try:
        Client(url)
        on_this_machine = is_on_this_machine(url)
    except ValueError:
        raise Failure(without_service(url)) from None
    if not on_this_machine and not bpy.app.online_access:
        raise Failure(
            f"Blender is set not to go online, and the service {url} is on another machine. Turn on Preferences >"
            " System > Network > Allow Online Access"
        )
