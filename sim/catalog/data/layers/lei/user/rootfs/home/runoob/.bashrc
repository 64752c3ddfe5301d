# ~/.bashrc: read by interactive shells.

if [ -f /etc/bashrc ]; then
	. /etc/bashrc
fi
