# Lua 5.4.7, built here and linked statically: target Lua54, and lua-cli, an interpreter for our tools.
#
# Debian 12's liblua5.4 (5.4.4) must not run scripts of tenants (use after free in __concat, wrong constants in large
# chunks), and we need settings of our own (tools/lua/billow.patch). tools/lua/fetch.sh brings Debian's
# source archive, checks its hash, patches it and prints where it lies. Without it the system library
# serves, BW_LUA_SYSTEM is defined, and the sandbox takes __concat away from scripts.
set(BW_LUA_CACHE "${CMAKE_SOURCE_DIR}/.billow-cache/lua" CACHE PATH "Where fetch.sh keeps Lua's source")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             "${CMAKE_SOURCE_DIR}/tools/lua/billow.patch" "${CMAKE_SOURCE_DIR}/tools/lua/fetch.sh")

execute_process(COMMAND "${CMAKE_SOURCE_DIR}/tools/lua/fetch.sh" "${BW_LUA_CACHE}"
                OUTPUT_VARIABLE bw_lua_dir OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE bw_lua_status)

if(bw_lua_status EQUAL 0)
    set(core lapi lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate lstring
             ltable ltm lundump lvm lzio)
    set(library lauxlib lbaselib lcorolib ldblib liolib lmathlib loadlib loslib lstrlib ltablib lutf8lib
                linit)
    list(TRANSFORM core REPLACE "(.+)" "${bw_lua_dir}/src/\\1.c")
    list(TRANSFORM library REPLACE "(.+)" "${bw_lua_dir}/src/\\1.c")
    # Sanitizers watch our code; what it does wrong to Lua, Lua's own checks find (below). Instrumented, the interpreter
    # would take half of the tests' time. The fuzzers' build has all of it.
    if(NOT BW_FUZZ)
        set_source_files_properties(${core} ${library} PROPERTIES
                                    COMPILE_OPTIONS "$<$<CONFIG:Debug>:-fno-sanitize=all;-O2>")
    endif()
    add_library(Lua54 STATIC ${core} ${library})
    target_include_directories(Lua54 SYSTEM PUBLIC "${bw_lua_dir}/src")
    # POSIX gives popen and mkstemp to our tools; LUA_USE_DLOPEN is left out on purpose.
    target_compile_definitions(Lua54 PRIVATE LUA_USE_POSIX)
    # Development builds check every call of the C API, and Lua's own assertions.
    target_compile_definitions(Lua54 PUBLIC $<$<CONFIG:Debug>:LUA_USE_APICHECK>
                               PRIVATE $<$<CONFIG:Debug>:LUAI_ASSERT>)
    target_compile_options(Lua54 PRIVATE -w)
    target_link_libraries(Lua54 PRIVATE bw_codegen PUBLIC m)

    add_executable(lua-cli "${bw_lua_dir}/src/lua.c")
    target_compile_options(lua-cli PRIVATE -w)
    target_link_libraries(lua-cli PRIVATE Lua54 bw_codegen)
    set_target_properties(lua-cli PROPERTIES OUTPUT_NAME lua
                          RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tools")
    message(STATUS "Lua 5.4.7 from ${bw_lua_dir}")
else()
    pkg_check_modules(BW_LUA_PC IMPORTED_TARGET lua5.4)
    find_program(BW_LUA_PROGRAM lua5.4)
    if(NOT BW_LUA_PC_FOUND OR NOT BW_LUA_PROGRAM)
        message(FATAL_ERROR "No Lua: the source of 5.4.7 could not be fetched (see above), and liblua5.4-dev with "
                            "lua5.4 is not installed. Set BILLOW_LUA_TARBALL to a lua5.4_5.4.7.orig.tar.gz, "
                            "or install both packages.")
    endif()
    message(WARNING "Building with the system's Lua ${BW_LUA_PC_VERSION} instead of our own 5.4.7. Scripts will not have "
                    "__concat. Fine for a look around, not for production.")
    add_library(Lua54 INTERFACE)
    target_link_libraries(Lua54 INTERFACE PkgConfig::BW_LUA_PC)
    target_compile_definitions(Lua54 INTERFACE BW_LUA_SYSTEM=1)
    add_executable(lua-cli IMPORTED GLOBAL)
    set_target_properties(lua-cli PROPERTIES IMPORTED_LOCATION "${BW_LUA_PROGRAM}")
endif()
