# Installs the runtime into an empty folder and builds a C program on it twice:
# with pkg-config, and with find_package.
#   cmake -D BUILD=... -D SOURCE=... -D WORK=... -D FLAGS=... -P InstalledTest.cmake
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
    ERROR_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --component runtime --prefix ${prefix})
file(GLOB_RECURSE pc ${prefix}/*/asgc_runtime.pc)
get_filename_component(folder ${pc} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${folder})
run(pkg-config --cflags --libs asgc_runtime)
separate_arguments(flags UNIX_COMMAND "${output} ${FLAGS}")
run(cc ${SOURCE}/installed/main.c -o ${WORK}/by-pkg-config ${flags})
run(${WORK}/by-pkg-config)
message("by pkg-config: ${output}")

run(${CMAKE_COMMAND} -S ${SOURCE}/installed -B ${WORK}/build
  -D CMAKE_PREFIX_PATH=${prefix} "-D CMAKE_EXE_LINKER_FLAGS=${FLAGS}")
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/installed)
message("by find_package: ${output}")

# The archive that an application links: under 1 MiB without its symbols.
file(GLOB_RECURSE archive ${prefix}/*/libasgc_rt.a)
run(strip --strip-unneeded ${archive} -o ${WORK}/stripped.a)
file(SIZE ${WORK}/stripped.a bytes)
message("stripped archive: ${bytes} bytes")
if(bytes GREATER 1048576 AND NOT FLAGS)
  message(FATAL_ERROR "libasgc_rt.a has ${bytes} bytes, more than 1 MiB")
endif()
