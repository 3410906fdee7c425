# The two programs, and where things lie. The build tree and the installed tree have the same shape, so
# the programs find their files relative to themselves: <prefix>/bin/billow, <prefix>/libexec/billow-host,
# <prefix>/share/billow/{stdlib,workflows,policies,sql}. In the build tree the folders of share/billow are links into the sources.
if(TARGET bw_edge AND EXISTS "${CMAKE_SOURCE_DIR}/engine/main.c")
    add_executable(billow engine/main.c)
    target_link_libraries(billow PRIVATE bw_edge)
    set_target_properties(billow PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
    install(TARGETS billow RUNTIME DESTINATION bin)
endif()
if(TARGET bw_lua AND EXISTS "${CMAKE_SOURCE_DIR}/engine/lua/host_main.c")
    add_executable(billow-host engine/lua/host_main.c)
    target_link_libraries(billow-host PRIVATE bw_lua)
    set_target_properties(billow-host PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/libexec")
    install(TARGETS billow-host RUNTIME DESTINATION libexec)
endif()

file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/share/billow")
foreach(pair IN ITEMS stdlib:stdlib workflows:workflows policies:policies init:templates/init sql:engine/store/sql)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 name)
    list(GET pair 1 folder)
    set(folder "${CMAKE_SOURCE_DIR}/${folder}")
    file(CREATE_LINK "${folder}" "${CMAKE_BINARY_DIR}/share/billow/${name}" SYMBOLIC)
    if(EXISTS "${folder}")
        install(DIRECTORY "${folder}/" DESTINATION share/billow/${name})
    endif()
endforeach()

# Man page and shell completion come from the same command table as --help: the program prints them.
if(TARGET billow)
    set(printed "")
    foreach(page IN ITEMS "docs man:share/man/man1/billow.1"
            "completion bash:share/bash-completion/completions/billow"
            "completion zsh:share/zsh/site-functions/_billow"
            "completion fish:share/fish/vendor_completions.d/billow.fish")
        string(REGEX MATCH "^(.*):(.*)/([^/]*)$" matched "${page}")
        separate_arguments(arguments UNIX_COMMAND "${CMAKE_MATCH_1}")
        set(folder "${CMAKE_MATCH_2}")
        set(file "${CMAKE_BINARY_DIR}/${CMAKE_MATCH_2}/${CMAKE_MATCH_3}")
        file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/${folder}")
        add_custom_command(OUTPUT "${file}" COMMAND billow ${arguments} > "${file}" DEPENDS billow VERBATIM)
        install(FILES "${file}" DESTINATION ${folder})
        list(APPEND printed "${file}")
    endforeach()
    add_custom_target(billow-pages ALL DEPENDS ${printed})
endif()
