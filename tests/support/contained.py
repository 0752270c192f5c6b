"""Becomes a container's command: `contained.py ROOT USER COMMAND…`, run by root.

In the root file system ROOT, as user and group USER, without any capability, and without a way to get one.
"""

import ctypes
import os
import sys

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
HIGHEST_CAPABILITY = 63


def main() -> None:
    root, user, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(root)
    os.chdir("/")
    for capability in range(HIGHEST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that the kernel lacks
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    os.execvpe(command[0], command, os.environ)


if __name__ == "__main__":
    main()
