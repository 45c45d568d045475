# Conformance cases that core answers for.
add_executable(cases_core ${CMAKE_CURRENT_SOURCE_DIR}/unit/core/cases_core.c)
target_compile_definitions(cases_core PRIVATE FP_CASES_DIR="${FP_CASES_DIR}")
target_link_libraries(cases_core PRIVATE fp_core PkgConfig::JANSSON)
foreach(name hostnames addr-isemail smtp-replies dot-stuffing real-replies smtp-commands
             header-recipients xtext)
  add_test(NAME cases/core/${name} COMMAND cases_core ${name})
endforeach()
