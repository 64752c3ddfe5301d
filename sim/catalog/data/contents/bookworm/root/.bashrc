# ~/.bashrc: read by interactive bash that is no login shell.

# The prompt and the umask are set by /etc/bash.bashrc and login(1).
# Uncomment what you would like to have:
# export LS_OPTIONS='--color=auto'
# alias ls='ls $LS_OPTIONS'
# alias ll='ls $LS_OPTIONS -l'
# alias rm='rm -i'
