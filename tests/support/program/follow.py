"""A program that knows nothing of vosbench: copies each first mask to every frame, or misbehaves.

Standard library only; it is started with `python -I -S`.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path


def say(text: str) -> None:
    """A line on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def segment(images: Path, masks: Path, output: Path, behaviour: str) -> None:
    """Write a mask for every image."""
    output.mkdir(parents=True)
    first = sorted(masks.iterdir())[0].read_bytes()
    assert len(list(masks.iterdir())) == 1, "more annotations than the first were handed over"
    frames = sorted(path.stem for path in images.iterdir())
    for index, frame in enumerate(frames):
        content = first
        last = index + 1 == len(frames)
        if last and behaviour == "missing":
            return
        if last and behaviour == "half":
            content = first[: len(first) // 2]
        if last and behaviour == "garbage":
            content = b"not a mask" * 50
        place = output / f"{frame}.png"
        if last and behaviour == "link":
            place.symlink_to(sorted(masks.iterdir())[0])
        elif last and behaviour == "pipe":
            os.mkfifo(place)
        else:
            place.write_bytes(content)


def main() -> int:
    """Segment the sequences of a list."""
    parser = argparse.ArgumentParser()
    for name in ("images", "annotations", "set", "output", "behaviour", "on", "device"):
        parser.add_argument(f"--{name}", default="")
    words = parser.parse_args()
    say("environment: " + " ".join(sorted(os.environ)))
    say(f"device: {words.device} token: {os.environ.get('TOKEN', '')}")
    for sequence in Path(words.set).read_text().split():
        behaviour = words.behaviour if words.on in ("", sequence) else "well"
        if behaviour == "crash":
            sys.stderr.write("RuntimeError: CUDA error: an illegal memory access\n")
            return 7
        if behaviour == "silent":
            return 0
        if behaviour in ("hang", "orphan"):
            child = "import time; time.sleep(600)"
            started = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", child],
                start_new_session=behaviour == "hang",
                stdout=subprocess.DEVNULL,
            )
            say(f"child {started.pid}")
        if behaviour == "hang":
            time.sleep(600)
        images = Path(words.images) / sequence
        masks = Path(words.annotations) / sequence
        segment(images, masks, Path(words.output) / sequence, behaviour)
        if behaviour == "kill":
            os.kill(os.getpid(), 9)
    say("FPS: 12.5")
    return 0


if __name__ == "__main__":
    sys.exit(main())
