# What `cmake --install` puts where: two executables, the links that make the command a sendmail, the
# manual pages, the sample configuration and the systemd unit.

if(TARGET fermoposta)
  install(TARGETS fermoposta RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # Where programs look for sendmail (sbin, and lib since ever), and where people look for mailq.
  install(CODE "
    set(root \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
    file(MAKE_DIRECTORY \"\${root}/${CMAKE_INSTALL_SBINDIR}\" \"\${root}/lib\")
    foreach(name sendmail postqueue)
      file(CREATE_LINK ../${CMAKE_INSTALL_BINDIR}/fermoposta
           \"\${root}/${CMAKE_INSTALL_SBINDIR}/\${name}\" SYMBOLIC)
    endforeach()
    file(CREATE_LINK ../${CMAKE_INSTALL_SBINDIR}/sendmail \"\${root}/lib/sendmail\" SYMBOLIC)
    file(CREATE_LINK fermoposta \"\${root}/${CMAKE_INSTALL_BINDIR}/mailq\" SYMBOLIC)
  ")
endif()
if(TARGET fermopostad)
  install(TARGETS fermopostad RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endif()

file(GLOB FP_MANUAL_8 ${CMAKE_SOURCE_DIR}/docs/*.8)
file(GLOB FP_MANUAL_5 ${CMAKE_SOURCE_DIR}/docs/*.5)
file(GLOB FP_MANUAL_1 ${CMAKE_SOURCE_DIR}/docs/*.1)
install(FILES ${FP_MANUAL_8} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${FP_MANUAL_5} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${FP_MANUAL_1} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(FILES sample.conf README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The unit names the daemon by its full path, which is known when it is installed.
install(CODE "
  set(FP_SBINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/packaging/fermoposta.service.in\"
                 \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/fermoposta.service\" @ONLY)
")
