"""The version of this tool, as stored with everything it derives."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("pixelwitness")
    except PackageNotFoundError:
        return "0+uninstalled"


TOOL_VERSION = _installed()
