# What `cmake --install` leaves beside the runtime's own package: the programs and
# a package that find_package(asgc) finds. The build folder is such a package, too.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# asgc_write_config(FOLDER TO_PREFIX PROGRAM RUNTIME)
function(asgc_write_config folder to_prefix program runtime)
  set(ASGC_CONFIG_TO_PREFIX "${to_prefix}")
  set(ASGC_CONFIG_PROGRAM "${program}")
  set(ASGC_CONFIG_RUNTIME "${runtime}")
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/asgcConfig.cmake.in ${folder}/asgcConfig.cmake @ONLY)
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/AsgcAddModel.cmake ${folder}/AsgcAddModel.cmake COPYONLY)
  write_basic_package_version_file(${folder}/asgcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
endfunction()

asgc_write_config(${PROJECT_BINARY_DIR} "." "bin/asgc" "find_dependency(Threads)
add_library(asgc::rt STATIC IMPORTED)
set_target_properties(asgc::rt PROPERTIES
  IMPORTED_LOCATION \"\${_asgc_prefix}/runtime/libasgc_rt.a\"
  INTERFACE_INCLUDE_DIRECTORIES \"${PROJECT_SOURCE_DIR}/runtime/include\"
  INTERFACE_LINK_LIBRARIES \"stdc++;Threads::Threads;m\")")
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/asgc)
file(RELATIVE_PATH to_prefix /${config_dir} /)
asgc_write_config(${PROJECT_BINARY_DIR}/package ${to_prefix} "${CMAKE_INSTALL_BINDIR}/asgc"
  "find_dependency(asgc_runtime HINTS \"\${_asgc_prefix}\")")

install(DIRECTORY ${PROJECT_BINARY_DIR}/package/ DESTINATION ${config_dir})
if(TARGET asgc)
  install(TARGETS asgc asgc-opt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
