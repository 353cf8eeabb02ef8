"""What a fork has taken of disk and threads, as the kernel tells it: nothing here asks the fork itself."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


def is_little(disk: str | int, pid: int, before: tuple[int, int], limits: Mapping[str, Any]) -> bool:
    """Tell whether a process that has a memory disk to itself has clearly stayed within its limits.

    What is deleted but open or mapped counts, too. `before` is what of_disk said when the process began.
    """
    taken, files = (now - then for now, then in zip(of_disk(disk), before, strict=True))
    on_disk = taken <= limits["disk_bytes"] and files <= limits["files"]
    return bool(on_disk and threads(pid) <= limits["processes"])


def of_disk(disk: str | int) -> tuple[int, int]:
    """Return how many bytes and files a file system holds, by a path in it or a descriptor."""
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree


def threads(pid: int) -> int:
    """Return how many threads a process has; 0 if it is gone."""
    try:
        return os.stat(f"/proc/{pid}/task").st_nlink - 2
    except OSError:
        return 0


def behind(pidfd: int) -> int:
    """Return the number of the process behind a descriptor, as this process would call it; -1 if it is gone."""
    with open(f"/proc/self/fdinfo/{pidfd}") as lines:
        return int(next(line for line in lines if line.startswith("Pid:")).split()[1])


def of_folder(folder: str, enough: int) -> tuple[int, int]:
    """Return bytes and number of files below a folder; it stops counting at about twice what is enough."""
    used = files = 0
    waiting = [folder]
    while waiting and files <= 2 * enough:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    if files > 2 * enough:
                        break
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
            continue
        except OSError:  # a path too long, or a folder closed to us: made so that nobody can count
            return used, 2 * enough + 1
    return used, files


def deleted_bytes(pid: int) -> int:
    """Return how many bytes a process holds in files that it has deleted but not closed."""
    used = 0
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{name}")
                if status.st_nlink == 0:
                    used += status.st_blocks * 512
    return used


def mapped_bytes(pid: int) -> int:
    """Return how many bytes a process holds in files that it has deleted and closed, but mapped."""
    used = 0
    with suppress(OSError), open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            if line.endswith(" (deleted)\n"):
                start, _, end = line.partition(" ")[0].partition("-")
                used += int(end, 16) - int(start, 16)
    return used
