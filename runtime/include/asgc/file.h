/* file.h - Writes files that are either whole or not there.
 *
 * Everything goes to a file beside the target that has a name only where the
 * file system knows no others; commit makes it durable and renames it over the
 * target. Until then, and after any failure,
 * the target is what it was. A target that is no regular file (a device, a
 * pipe) is written directly.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ASGC_FILE_H
#define ASGC_FILE_H

#include "asgc/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asgc_file_writer asgc_file_writer;

/** Begins to write `path`. Ends with asgc_file_commit or asgc_file_discard.
 * ASGC_IO_ERROR: asgc_last_error() has the path and the reason, here and below. */
asgc_status asgc_file_create(const char *path, asgc_file_writer **out_writer);

/** Appends `bytes` bytes. After a failure only asgc_file_discard is allowed. */
asgc_status asgc_file_write(asgc_file_writer *writer, const void *data,
                            size_t bytes);

/** Brings what was appended to the disk, so that asgc_file_commit has only to
 * rename: where several files belong together, before the first is committed.
 * After a failure only asgc_file_discard is allowed. */
asgc_status asgc_file_sync(asgc_file_writer *writer);

/** Flushes to the disk and renames. Frees the writer, whatever the result; on
 * failure the target is untouched. */
asgc_status asgc_file_commit(asgc_file_writer *writer);

/** Gives up: removes the temporary file and frees the writer. Null is fine. */
void asgc_file_discard(asgc_file_writer *writer);

/** asgc_file_create, _write and _commit in one. */
asgc_status asgc_file_replace(const char *path, const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
