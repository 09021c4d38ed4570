"""Which places are no good for a session."""

from pathlib import Path

import pytest

from reader_app.session.place import warnings_of

# lines as in proc_pid_mountinfo(5)
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
31 22 0:40 / /mnt/share\\040one rw,relatime shared:9 - cifs //server/share rw
32 22 0:41 / /home/a/net rw master:3 - nfs4 server:/home rw
33 22 0:42 / /media/stick rw - fuse.sshfs a@b: rw
34 32 254:2 / /home/a/net/local rw - ext4 /dev/vdb1 rw
"""


@pytest.mark.parametrize(
    "folder, words",
    [
        ("/home/a/study/R01", []),
        ("/mnt/share one/R01", ["shared drive"]),
        ("/mnt/share/R01", []),
        ("/home/a/net/R01", ["shared drive"]),
        ("/home/a/net/local/R01", []),
        ("/media/stick/R01", ["fuse.sshfs"]),
        ("/home/a/OneDrive - Hospital/R01", ["OneDrive - Hospital"]),
        ("/home/a/Dropbox/R01", ["Dropbox"]),
        ("/home/a/Library/Mobile Documents/R01", ["Mobile Documents"]),
        ("/home/a/Google Drive/R01", ["Google Drive"]),
        ("/mnt/share one/dropbox/R01", ["shared drive", "dropbox"]),
    ],
)
def test_places_that_are_no_good_are_named(tmp_path: Path, folder: str, words: list[str]) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    found = warnings_of(Path(folder), mounts)
    assert len(found) == len(words)
    for sentence, word in zip(found, words, strict=True):
        assert word in sentence
        assert "own disk" in sentence


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert warnings_of(Path("/mnt/share one/R01"), tmp_path / "nothing") == ()
