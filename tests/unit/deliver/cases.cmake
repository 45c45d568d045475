# Conformance cases of this room: programs that read the files and check every line.
foreach(name hops replies smtp)
  set(target cases_deliver_${name})
  add_executable(${target} ${CMAKE_CURRENT_LIST_DIR}/cases_${name}.c)
  target_link_libraries(${target} PRIVATE ${FP_LIBS_deliver} fp_core PkgConfig::JANSSON)
  add_test(NAME cases/deliver/${name} COMMAND ${target} ${FP_CASES_DIR})
  set_tests_properties(cases/deliver/${name} PROPERTIES TIMEOUT 120)
endforeach()
