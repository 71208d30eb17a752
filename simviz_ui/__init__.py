"""What the pages share: cached networks and images, pickers, pictures. No mathematics."""

import os

# Threads of torch that wait should not spin: a page, an index in the making and the browser often
# share few cores, and small operations took three times as long. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
