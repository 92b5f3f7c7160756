"""Which version of the program is this? Kept here so that asking costs no look into the package."""

VERSION = "0.1.0"
