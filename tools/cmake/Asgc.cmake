# The three house functions: asgc_library, asgc_tablegen, asgc_test.

# asgc_library(NAME SOURCES... [MLIR] LINK targets...)
# A library of one folder. MLIR compiles it against the shared MLIR and LLVM
# with the precompiled header all such libraries share, several files at a time:
# what the headers cost a file, 3 to 8 s, is many times what its own code does.
function(asgc_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_MLIR)
    target_compile_options(${name} PRIVATE -fno-exceptions)
    target_link_libraries(${name} PUBLIC MLIR LLVM)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    if(NOT name STREQUAL "asgc_asg")
      target_precompile_headers(${name} REUSE_FROM asgc_asg)
    endif()
  endif()
endfunction()

# asgc_tablegen(TARGET TOOL OUTPUT GENERATOR TD [extra arguments])
# Generates ${CMAKE_CURRENT_BINARY_DIR}/OUTPUT from TD with TOOL (mlir-tblgen or
# asgc-tblgen) and makes TARGET depend on it. TableGen's depfile omits the main
# file, hence DEPENDS lists every .td of the folder.
function(asgc_tablegen target tool output generator td)
  file(GLOB tds CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.td)
  if(tool STREQUAL "mlir-tblgen")
    set(command ${LLVM_TOOLS_BINARY_DIR}/mlir-tblgen)
  else()
    set(command $<TARGET_FILE:asgc-tblgen>)
    list(APPEND tds asgc-tblgen)
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${output})
  add_custom_command(OUTPUT ${out}
    COMMAND ${command} ${generator} ${ARGN} -I ${PROJECT_SOURCE_DIR}
            -I ${PROJECT_SOURCE_DIR}/include -I ${MLIR_INCLUDE_DIRS}
            ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${out}
    DEPENDS ${tds} COMMENT "${output}" VERBATIM)
  add_custom_target(${target}_${output} DEPENDS ${out})
  add_dependencies(${target} ${target}_${output})
  target_sources(${target} PRIVATE ${out})
endfunction()

# asgc_test(NAME [SEPARATE] SOURCES... LINK targets...)
# A doctest program, run by ctest as NAME. SEPARATE compiles each file alone:
# their helpers share names.
function(asgc_test name)
  cmake_parse_arguments(ARG "SEPARATE" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${PROJECT_SOURCE_DIR}/test/unit/Main.cpp ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(NOT ARG_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  endif()
  add_test(NAME ${name} COMMAND ${name})
endfunction()
