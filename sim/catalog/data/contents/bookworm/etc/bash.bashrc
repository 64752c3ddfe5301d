# Read by every interactive bash before ~/.bashrc.

# Not interactive: there is nothing to set up.
[ -z "$PS1" ] && return

# Keep LINES and COLUMNS right after each command.
shopt -s checkwinsize

# A chroot can name itself for the prompt.
if [ -z "${debian_chroot:-}" ] && [ -r /etc/debian_chroot ]; then
    debian_chroot=$(cat /etc/debian_chroot)
fi

# The prompt: user@host:directory, and what su and sudo made of it.
if ! [ -n "${SUDO_USER}" -a -n "${SUDO_PS1}" ]; then
  PS1='${debian_chroot:+($debian_chroot)}\u@\h:\w\$ '
fi
