"""The names of a registration's settings in each place: in Python, on the command line, over HTTP, in a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Names for messages, so that a message uses the names that its reader has written."""

    path: str
    #: Asks for a TCP connect instead of a path.
    no_path: str
    probe: str
    statuses: str
    body: str
    health_host: str
    address: str
    port: str
    weight: str
    metadata: str = "metadata"


HTTP = Words(
    path="health_check_url",
    no_path="no health_check_url",
    probe="metadata 'health.probe'",
    statuses="metadata 'health.statuses'",
    body="metadata 'health.body'",
    health_host="metadata 'health.host'",
    address="host",
    port="port",
    weight="weight",
)
PYTHON = Words(
    path="health_path",
    no_path="health_path=None",
    probe="metadata 'health.probe'",
    statuses="metadata 'health.statuses'",
    body="metadata 'health.body'",
    health_host="health_host",
    address="host or ADVERTISE_HOST",
    port="port",
    weight="weight",
)
COMMAND_LINE = Words(
    path="--health-path",
    no_path="--tcp",
    probe="--health-probe",
    statuses="--health-status",
    body="--health-body",
    health_host="--health-host",
    address="--host or ADVERTISE_HOST",
    port="--port",
    weight="--weight",
)
#: For services with fixed addresses, which the configuration file names.
FILE = Words(
    path="health.path",
    no_path="no health.path",
    probe="health.path",
    statuses="health.statuses",
    body="health.body",
    health_host="the address that its server takes, in urls",
    address="urls",
    port="urls",
    weight="urls",
    metadata="its statuses and body",
)
#: For readers who may have registered in any of these ways.
ANY = Words(
    path="health_path, --health-path, over HTTP health_check_url",
    no_path="health_path=None (--tcp, over HTTP no health_check_url)",
    probe="health.probe in the metadata, --health-probe",
    statuses="health.statuses in the metadata, --health-status",
    body="health.body in the metadata, --health-body",
    health_host="health_host, --health-host, over HTTP health.host in the metadata",
    address="host, --host or ADVERTISE_HOST",
    port="port, --port",
    weight="weight, --weight",
)
