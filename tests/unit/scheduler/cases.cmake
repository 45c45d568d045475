# Attempt times of other programs, and what the RFC asks of retrying.
add_executable(cases_retry ${CMAKE_CURRENT_SOURCE_DIR}/unit/scheduler/cases_retry.c)
target_link_libraries(cases_retry PRIVATE fp_scheduler fp_core PkgConfig::CMOCKA PkgConfig::JANSSON)
add_test(NAME cases/retry COMMAND cases_retry ${FP_CASES_DIR}/retry.jsonl)
