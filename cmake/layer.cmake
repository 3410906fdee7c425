# The functions by which folders enter the build.

# bw_layer(<name> [DEPS <layers>...] [LIBS <outside targets>...] SOURCES <files>...)
# The static library bw_<name>. It sees the headers of its DEPS and of what they build on.
function(bw_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;LIBS;SOURCES")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "bw_layer(${name}): unknown ${arg_UNPARSED_ARGUMENTS}")
    endif()
    add_library(bw_${name} STATIC ${arg_SOURCES})
    list(TRANSFORM arg_DEPS PREPEND bw_)
    target_link_libraries(bw_${name} PUBLIC bw_flags ${arg_DEPS} ${arg_LIBS})
    if(BW_TESTS)
        bw_check_headers(${name})
    endif()
endfunction()

# Each header of the layer compiles on its own: it includes what its declarations need.
function(bw_check_headers name)
    file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/engine" "${CMAKE_SOURCE_DIR}/engine/${name}/*.h")
    set(units "")
    foreach(header IN LISTS headers)
        string(MAKE_C_IDENTIFIER "${header}" identifier)
        set(unit "${CMAKE_BINARY_DIR}/headers/${identifier}.c")
        file(CONFIGURE OUTPUT "${unit}" CONTENT "#include \"${header}\"\nextern int ${identifier}_is_whole;\n")
        list(APPEND units "${unit}")
    endforeach()
    if(units)
        add_library(bw_${name}_headers OBJECT ${units})
        target_link_libraries(bw_${name}_headers PRIVATE bw_${name})
    endif()
endfunction()

# What every test process gets: where it is, and sanitizers that stop at the first finding.
set(BW_TEST_ENVIRONMENT
    "BW_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
    "BW_BINARY_DIR=${CMAKE_BINARY_DIR}"
    "ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:strict_string_checks=1:malloc_context_size=6"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "TSAN_OPTIONS=halt_on_error=1"
    "LC_ALL=C.UTF-8"
    "TZ=UTC")

# bw_add_test(<name> LABELS <labels>... COMMAND <command>... [TIMEOUT s])
# A ctest with the usual environment, run from the project's root.
function(bw_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "LABELS;COMMAND;ENVIRONMENT")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 600)
    endif()
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
                         SKIP_RETURN_CODE 77 RUN_SERIAL ${arg_SERIAL}
                         ENVIRONMENT "${BW_TEST_ENVIRONMENT};${arg_ENVIRONMENT}")
endfunction()

# bw_unit_test(<layer> <module> [LIBS <targets>...])
# tests/unit/<layer>/test_<module>.c, linked to that layer and what it builds on. Exit code 77 is "skipped".
function(bw_unit_test layer module)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "LIBS")
    set(target test_${layer}_${module})
    add_executable(${target} "${CMAKE_SOURCE_DIR}/tests/unit/${layer}/test_${module}.c")
    target_link_libraries(${target} PRIVATE bw_test_support bw_${layer} ${arg_LIBS})
    if(TARGET bw_test_support_${layer})
        target_link_libraries(${target} PRIVATE bw_test_support_${layer})
    endif()
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/unit")
    bw_add_test(unit.${layer}.${module} LABELS unit COMMAND ${target} TIMEOUT ${arg_TIMEOUT})
endfunction()

# bw_fuzzer(<layer> <name> [LIBS <targets>...])
# tests/fuzz/fuzz_<name>.c, which defines LLVMFuzzerTestOneInput. With BW_FUZZ a libFuzzer program; otherwise a
# test that feeds it the seeds of tests/fuzz/seeds/<name>/ and a fixed number of mutations of them.
function(bw_fuzzer layer name)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBS")
    set(target fuzz_${name})
    add_executable(${target} "${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c")
    target_link_libraries(${target} PRIVATE bw_${layer} ${arg_LIBS})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fuzz")
    set(seeds "${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${name}")
    if(BW_FUZZ)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        bw_add_test(fuzz.${name} LABELS fuzz
                    COMMAND ${target} -max_total_time=20 -timeout=5 -rss_limit_mb=1024
                            "${CMAKE_BINARY_DIR}/tests/fuzz/corpus/${name}" "${seeds}")
        file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fuzz/corpus/${name}")
    else()
        target_sources(${target} PRIVATE "${CMAKE_SOURCE_DIR}/tests/support/fuzz_main.c")
        bw_add_test(fuzz.${name} LABELS fuzz COMMAND ${target} "${seeds}")
    endif()
endfunction()

# bw_swift(<targets>...)
# Each of these static libraries once more as swift_<target>: optimised, with every BW_ASSERT, without sanitizers, fault
# points and Lua's own checks. What plays thousands of lives (tests/sim) links those, whatever the preset.
function(bw_swift)
    add_library(swift_bw_codegen INTERFACE)
    target_compile_options(swift_bw_codegen INTERFACE -fno-common -O2 -g1 -w)
    add_library(swift_bw_flags INTERFACE)
    target_link_libraries(swift_bw_flags INTERFACE swift_bw_codegen)
    target_include_directories(swift_bw_flags INTERFACE "${CMAKE_SOURCE_DIR}/engine")
    target_compile_definitions(swift_bw_flags INTERFACE _GNU_SOURCE BW_VERSION="${PROJECT_VERSION}")
    foreach(target IN LISTS ARGN)
        get_target_property(kind ${target} TYPE)
        if(NOT kind STREQUAL "STATIC_LIBRARY") # the system's Lua: taken as it is
            continue()
        endif()
        get_target_property(sources ${target} SOURCES)
        get_target_property(folder ${target} SOURCE_DIR)
        get_target_property(links ${target} LINK_LIBRARIES)
        get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
        set(files "")
        foreach(source IN LISTS sources)
            cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${folder}")
            list(APPEND files "${source}")
        endforeach()
        set(swift_links swift_bw_codegen)
        foreach(link IN LISTS links)
            string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" link "${link}")
            if(TARGET swift_${link})
                set(link swift_${link})
            endif()
            list(APPEND swift_links ${link})
        endforeach()
        add_library(swift_${target} STATIC EXCLUDE_FROM_ALL ${files})
        add_dependencies(swift_${target} ${target}) # generated sources
        if(includes)
            target_include_directories(swift_${target} SYSTEM PUBLIC ${includes})
        endif()
        if(target STREQUAL "Lua54")
            target_compile_definitions(swift_${target} PRIVATE LUA_USE_POSIX)
        elseif(target STREQUAL "Llhttp")
            target_compile_definitions(swift_${target} PUBLIC LLHTTP_STRICT_MODE=1)
        endif()
        target_link_libraries(swift_${target} PUBLIC ${swift_links})
    endforeach()
endfunction()
