apt-get update
exit
