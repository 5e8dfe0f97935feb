#!/usr/bin/env bash
# FFmpeg 8.1.2 as in PyAV 18.1.0, demuxing Ogg Vorbis as libsndfile 1.2.2 (soundfile 0.14.0) writes it: where the last page's
# granule position says that the stream ends before its last packet begins, that packet's duration is 2^32 less than nothing
# (4294967200 of a time base of 1/8000 s: 149 hours), for the parser counts in 32 bits without a sign. Half a second, two and a
# half and three seconds of a sine at 8000 Hz are such files; the container's and the stream's duration are right, and only
# whoever adds up packets to know the length of a file gets 149 hours.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 soundfile==0.14.0 numpy==2.4.6
cat > "$work/packets.py" <<'PYTHON'
import sys

import av
import numpy as np
import soundfile

last = []
for seconds in (0.5, 2.5, 3.0, 4.0):
    path = f"{sys.argv[1]}/{seconds}.ogg"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 8000)) / 8000), 8000)
    with av.open(path) as container:
        stated_s = float(container.streams[0].duration * container.streams[0].time_base)
        packets = [packet for packet in container.demux() if packet.size]
    last.append(packets[-1].duration)
    length_s = float(packets[-1].duration * packets[-1].time_base)
    print(f"{seconds} s: the stream says {stated_s} s, and its last packet {last[-1]} samples, {length_s:.3f} s")
sys.exit(0 if [duration >= 2**31 for duration in last] == [True, True, True, False] else "changed")
PYTHON
"$work/env/bin/python" "$work/packets.py" "$work"
