# Outside libraries, one target each, all from Debian packages. Who may include which header is checked
# by tools/tidy.lua, not here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# bw_pkg(<target> <pkg-config name> <Debian package>)
function(bw_pkg target module package)
    pkg_check_modules(${target}_PC QUIET IMPORTED_TARGET ${module})
    if(NOT ${target}_PC_FOUND)
        message(FATAL_ERROR "${module} is missing: run tools/setup.sh, or install ${package}")
    endif()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE PkgConfig::${target}_PC)
endfunction()

bw_pkg(Uv libuv libuv1-dev)
bw_pkg(Pq libpq libpq-dev)
bw_pkg(Jansson jansson libjansson-dev)
bw_pkg(Curl libcurl libcurl4-openssl-dev)
bw_pkg(Crypto libcrypto libssl-dev)
bw_pkg(Ssl openssl libssl-dev)

# Recurrence rules. Only programs that use them load it (it brings ICU's tables along): billow-host does not.
find_library(BW_ICAL_LIBRARY ical)
find_path(BW_ICAL_INCLUDE libical/ical.h)
if(NOT BW_ICAL_LIBRARY OR NOT BW_ICAL_INCLUDE)
    message(FATAL_ERROR "libical is missing: run tools/setup.sh, or install libical-dev")
endif()
add_library(Ical INTERFACE)
target_include_directories(Ical SYSTEM INTERFACE "${BW_ICAL_INCLUDE}")
target_link_libraries(Ical INTERFACE -Wl,--push-state,--as-needed ${BW_ICAL_LIBRARY} -Wl,--pop-state)

# Decimal floating point: Intel's library. The archive's name carries its calling conventions: 000 means
# arguments by value, rounding mode and status flags passed on every call, no globals.
find_library(BW_BID_ARCHIVE NAMES libbidgcc000.a PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE})
find_path(BW_BID_INCLUDE bid_functions.h)
if(NOT BW_BID_ARCHIVE OR NOT BW_BID_INCLUDE)
    message(FATAL_ERROR "libbidgcc000.a is missing: run tools/setup.sh, or install libintelrdfpmath-dev")
endif()
add_library(Bid STATIC IMPORTED)
set_target_properties(Bid PROPERTIES IMPORTED_LOCATION "${BW_BID_ARCHIVE}")
target_include_directories(Bid SYSTEM INTERFACE "${BW_BID_INCLUDE}")
target_compile_definitions(Bid INTERFACE DECIMAL_CALL_BY_REFERENCE=0 DECIMAL_GLOBAL_ROUNDING=0
                           DECIMAL_GLOBAL_EXCEPTION_FLAGS=0)
target_link_libraries(Bid INTERFACE m)

# HTTP/1.1 parser: Debian ships llhttp as C source inside node-llhttp.
find_path(BW_LLHTTP_SOURCE NAMES llhttp.c PATHS /usr/share/llhttp /usr/share/nodejs/llhttp/src NO_DEFAULT_PATH)
find_path(BW_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp /usr/include)
if(NOT BW_LLHTTP_SOURCE OR NOT BW_LLHTTP_INCLUDE)
    message(FATAL_ERROR "The C source of llhttp is missing: run tools/setup.sh, or install node-llhttp")
endif()
add_library(Llhttp STATIC "${BW_LLHTTP_SOURCE}/api.c" "${BW_LLHTTP_SOURCE}/http.c"
            "${BW_LLHTTP_SOURCE}/llhttp.c")
target_include_directories(Llhttp SYSTEM PUBLIC "${BW_LLHTTP_INCLUDE}")
target_compile_definitions(Llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(Llhttp PRIVATE -w)
target_link_libraries(Llhttp PRIVATE bw_codegen)

find_path(BW_CMOCKA_INCLUDE cmocka.h)
find_library(BW_CMOCKA_LIBRARY cmocka)
if(BW_TESTS AND NOT (BW_CMOCKA_INCLUDE AND BW_CMOCKA_LIBRARY))
    message(STATUS "cmocka is missing: the C tests are left out (tools/setup.sh test installs libcmocka-dev)")
    set(BW_TESTS OFF)
endif()
if(BW_TESTS)
    add_library(Cmocka INTERFACE)
    target_include_directories(Cmocka SYSTEM INTERFACE "${BW_CMOCKA_INCLUDE}")
    target_link_libraries(Cmocka INTERFACE "${BW_CMOCKA_LIBRARY}")
endif()
