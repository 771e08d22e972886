"""What `mitmdump -s` loads."""

import sys

try:
    from addon.live import PixelwitnessAddon
except ImportError as error:
    sys.exit(f"Pixelwitness is not installed in mitmproxy's own environment ({error}); run: pixelwitness proxy")

addons = [PixelwitnessAddon()]
