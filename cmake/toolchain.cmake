# Compilers and flags.
#   bw_codegen  how everything is compiled and linked, Lua and llhttp included (sanitizers, hardening)
#   bw_flags    bw_codegen, and what our own sources add: warnings, include root, definitions
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug or RelWithDebInfo" FORCE)
endif()
# Asserts are part of the contract (base/assert.h) and stay on: no -DNDEBUG anywhere.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g3 -fno-omit-frame-pointer")

find_program(BW_CCACHE ccache)
if(BW_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${BW_CCACHE}")
endif()

add_library(bw_codegen INTERFACE)
target_compile_options(bw_codegen INTERFACE -fno-common -fstack-protector-strong -fdiagnostics-color=auto)
if(BW_SANITIZE)
    target_compile_options(bw_codegen INTERFACE -fsanitize=${BW_SANITIZE} -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
    target_link_options(bw_codegen INTERFACE -fsanitize=${BW_SANITIZE} -fno-sanitize-recover=all)
endif()
if(BW_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "BW_FUZZ needs clang: use the preset fuzz, or set CC=clang")
    endif()
    target_compile_options(bw_codegen INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BW_COVERAGE)
    target_compile_options(bw_codegen INTERFACE --coverage)
    target_link_options(bw_codegen INTERFACE --coverage)
endif()
if(BW_HARDEN)
    target_compile_options(bw_codegen INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                           -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
        target_compile_options(bw_codegen INTERFACE -fcf-protection=full)
    endif()
    target_link_options(bw_codegen INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

add_library(bw_flags INTERFACE)
target_link_libraries(bw_flags INTERFACE bw_codegen)
target_include_directories(bw_flags INTERFACE "${CMAKE_SOURCE_DIR}/engine")
target_compile_definitions(bw_flags INTERFACE _GNU_SOURCE BW_VERSION="${PROJECT_VERSION}"
                           $<$<BOOL:${BW_FAULTS}>:BW_FAULTS=1> $<$<CONFIG:Debug>:BW_DEBUG=1>)
target_compile_options(bw_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wundef -Wwrite-strings -Wcast-qual -Wformat=2
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wimplicit-fallthrough
    $<$<BOOL:${BW_WERROR}>:-Werror>)
