# Parsers of bounces written by others judge every golden notice, where they are installed:
# apt-get install libsisimai-perl python3-flufl.bounce libmail-deliverystatus-bounceparser-perl
set(FP_JUDGE ${FP_CASES_DIR}/../judge-dsn)
set(FP_JUDGES_MISSING 1)
if(EXISTS ${FP_JUDGE} AND EXISTS /usr/bin/perl AND EXISTS /usr/bin/python3)
  execute_process(COMMAND /usr/bin/perl -MSisimai -MMail::DeliveryStatus::BounceParser -e 1
                  RESULT_VARIABLE FP_JUDGES_MISSING OUTPUT_QUIET ERROR_QUIET)
  if(FP_JUDGES_MISSING EQUAL 0)
    execute_process(COMMAND /usr/bin/python3 -c "import flufl.bounce"
                    RESULT_VARIABLE FP_JUDGES_MISSING OUTPUT_QUIET ERROR_QUIET)
  endif()
endif()

# fp_judge(FILE ADDRESS=ACTION=STATUS ...): all of them find exactly these in tests/golden/FILE.
function(fp_judge file)
  set(expected "")
  foreach(recipient ${ARGN})
    list(APPEND expected --expect ${recipient})
  endforeach()
  add_test(NAME judge/${file}
           COMMAND /usr/bin/python3 ${FP_JUDGE} ${expected} ${CMAKE_SOURCE_DIR}/tests/golden/${file})
  set_tests_properties(judge/${file} PROPERTIES TIMEOUT 120)
endfunction()

# Not expected: the recipient beyond ASCII of the hostile one. Sisimai knows no such address.
if(FP_JUDGES_MISSING EQUAL 0)
  fp_judge(notice-failed.eml nobody@dest.example=failed=5.1.1)
  fp_judge(notice-failed-full.eml nobody@dest.example=failed=5.1.1)
  fp_judge(notice-failed-none.eml nobody@dest.example=failed=5.1.1)
  fp_judge(notice-failed-several.eml full@dest.example=failed=5.2.2 old@slow.example=failed=4.4.7
           who@gone.example=failed=5.1.2 late@busy.example=failed=4.4.7)
  fp_judge(notice-failed-hostile.eml "\"odd,name\"@dest.example=failed=5.7.1" c@dest.example=failed=5.0.0)
  fp_judge(notice-delayed.eml slow@dest.example=delayed=4.4.1 grey@other.example=delayed=4.7.1)
  fp_judge(notice-arrived.eml here@dest.example=delivered=2.0.0 there@dest.example=relayed=2.1.5)
  fp_judge(notice-postmaster.eml forged@nowhere.example=failed=5.1.2)
endif()
