#include "base/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

int file_lock_take(int *fd, const char *path, struct error *err)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int status = 0;

	if (file < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	if (flock(file, LOCK_EX | LOCK_NB)) {
		status = errno == EWOULDBLOCK ? 1 : -1;
		if (status < 0)
			error_set(err, "%s: %s", path, strerror(errno));
		close(file);
		return status;
	}
	fchmod(file, 0600); /* whatever the umask */
	*fd = file;
	return 0;
}
