/* version.h - the version of this build; CMake overrides it from project(VERSION). */
#ifndef BW_EDGE_VERSION_H
#define BW_EDGE_VERSION_H

#ifndef BW_VERSION
#define BW_VERSION "0.1.0"
#endif

#endif
