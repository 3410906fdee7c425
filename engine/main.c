/* main.c - the program billow: hands its arguments to edge/cli.c, nothing else. */
#include "base/fault.h"
#include "edge/cli.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (!bw_fault_arm_environment()) {
        fputs("billow: BILLOW_FAULT is not understood, or this build has no fault points\n",
              stderr);
        return BW_EXIT_USAGE;
    }
    return bw_cli_main(argc, argv);
}
