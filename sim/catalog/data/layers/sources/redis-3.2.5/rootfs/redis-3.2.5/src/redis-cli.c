/* The client. The lab has it as a program of its own. */
#pragma lab program redis-cli 2617000 3.2.5
