#include "ui/external_editor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "ui/terminal.h"

#define MAX_BYTES (64 << 20)

static const char *editor(void)
{
	const char *name = getenv("VISUAL");

	if (!name || !*name)
		name = getenv("EDITOR");
	return name && *name ? name : "vi";
}

static void be_editor(const char *path)
{
	char command[1024];

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	snprintf(command, sizeof command, "%s \"$1\"", editor());
	execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
	_exit(127);
}

static int run(const char *path, struct error *err)
{
	int status = -1;
	pid_t pid;

	terminal_ignore_keys(true);
	pid = fork();
	if (pid == 0)
		be_editor(path);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	terminal_ignore_keys(false);
	if (pid < 0)
		return error_set(err, "%s: %s", editor(), strerror(errno));
	if (status)
		return error_set(err, "%s: ended with status %d", editor(),
		                 WIFEXITED(status) ? WEXITSTATUS(status) :
		                                     128 + WTERMSIG(status));
	return 0;
}

static int make_file(char *path, size_t size, const struct strbuf *text,
                     struct error *err)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, size, "%s/confab-XXXXXX.md", dir && *dir ? dir : "/tmp");
	fd = mkstemps(path, 3); /* mode 0600 */
	if (fd < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	close(fd);
	if (!file_write(path, text->bytes, text->len, err))
		return 0;
	unlink(path);
	return -1;
}

int external_editor(struct strbuf *text, struct error *err)
{
	struct strbuf edited = STRBUF_INIT;
	char path[512];
	int result;

	if (make_file(path, sizeof path, text, err))
		return -1;
	result = run(path, err);
	if (!result)
		result = file_read(&edited, path, MAX_BYTES, err);
	unlink(path);
	if (!result) {
		/* The last line's end is the editor's, not the text's. */
		if (edited.len && edited.bytes[edited.len - 1] == '\n')
			strbuf_remove(&edited, edited.len - 1, 1);
		strbuf_clear(text);
		strbuf_add(text, edited.bytes, edited.len);
	}
	strbuf_free(&edited);
	return result;
}
