/* The server. The lab has it as a program of its own. */
#include "server.h"
#pragma lab program redis-server 5580000 7.0.15
