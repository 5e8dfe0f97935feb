#!/usr/bin/env bash
# PyAV 18.1.0 (libavformat 62.12.102): packets of an AAC stream copied from MP4 into Matroska by `add_stream_from_template`
# are heard 1024 samples later than before, the encoder's priming first, since the copy has lost the length of the
# priming. Copied into MP4 they keep their place, and so they do in Matroska where ffmpeg 9.0.2 itself copies them
# (`-c copy`; binary of imageio-ffmpeg 0.8.1). At 48 kHz that is 21 ms between picture and sound.
# Met when a site's separate sound and picture were joined without encoding them again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 imageio-ffmpeg==0.8.1 numpy==2.4.6
cd "$work"
"$work/env/bin/python" - <<'PYTHON'
import subprocess

import av
import imageio_ffmpeg
import numpy as np

RATE_HZ, FRAME, MIDDLE, LENGTH = 48_000, 1024, 20_000, 8192
sound = (np.random.default_rng(0).standard_normal(2 * RATE_HZ) * 0.1).astype(np.float32)

with av.open("made.mp4", "w") as container:
    stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
    stream.bit_rate = 192_000
    for start in range(0, len(sound), FRAME):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + FRAME], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode())

for name in ("copy.mp4", "copy.mkv"):
    with av.open("made.mp4") as source, av.open(name, "w") as target:
        read = source.streams.audio[0]
        written = target.add_stream_from_template(read)
        for packet in source.demux(read):
            if packet.dts is not None:
                packet.stream = written
                target.mux(packet)

ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "made.mp4", "-c", "copy", "ffmpeg.mkv"]
subprocess.run(ffmpeg, check=True)


def lag(name):
    """How many samples later than it was made the sound is heard, by the place of best correlation."""
    with av.open(name) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    piece = sound[MIDDLE : MIDDLE + LENGTH]
    near = range(-3 * FRAME, 3 * FRAME + 1)
    return max(near, key=lambda late: float(piece @ heard[MIDDLE + late : MIDDLE + late + LENGTH]))


found = {name: lag(name) for name in ("made.mp4", "copy.mp4", "copy.mkv", "ffmpeg.mkv")}
expected = {"made.mp4": 0, "copy.mp4": 0, "copy.mkv": 1024, "ffmpeg.mkv": 0}
if found != expected:
    raise SystemExit(f"changed: got {found}; expected {expected}")
print(f"samples by which the sound is late: {found}")
PYTHON
