"""A configuration as a person writes it, with comments, and edits of it."""

REGION = [[0.1, 0.4], [0.9, 0.4], [0.9, 0.6], [0.1, 0.6]]
TEXT = """\
# The cellar, by the stairs.
name = "cellar" # of the stream

# A camera.
[camera]
source = 0 # /dev/video0

# The water meter.
[[number]]
name = "water" # cold
kind = "counter"
pattern = '[0-9]+' # stays
digits = 8

# The gas meter.
[[number]]
name = "gas"
region = [
    [0.1, 0.1], # left
    [0.9, 0.1],
    [0.9, 0.2],
]

# For the phone.
[http]
port = 8000
"""
WATER = {"was": 0, "name": "water", "kind": "counter", "region": REGION, "digits": 8, "decimals": 3, "unit": "m³"}
GAS = {"was": 1, "name": "gas", "kind": "free", "region": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.2]]}
