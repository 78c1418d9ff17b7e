#include "ui/cli/signals.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "ui/cli/options.h"

static const int endings[] = { SIGINT, SIGTERM, SIGHUP };

#define N_ENDINGS (sizeof endings / sizeof *endings)

static volatile sig_atomic_t noted; /* number of the first, or 0 */
static sigset_t old_mask;           /* before signals_note() */
static bool noting;                 /* since that */

/* Not 0: somebody asked to leave.  NULL: then the program just ends. */
static const volatile sig_atomic_t *asked;

static void say(const char *text)
{
	ssize_t unused = write(STDERR_FILENO, text, strlen(text));

	(void)unused; /* nobody is left to be told */
}

static void end(int signal_number)
{
	_exit(128 + signal_number);
}

static void note(int signal_number)
{
	if (noted)
		_exit(128 + signal_number);
	noted = signal_number;
}

/* Reading beyond the end of a file that was cut short, or a failing disk. */
static void bus_error(int signal_number, siginfo_t *info, void *context)
{
	const char *path = file_map_blame(info->si_addr);

	(void)context;
	if (path) {
		say("confab: ");
		say(path);
		say(": the file shrank or could not be read while it was in "
		    "use\n");
		_exit(EXIT_BAD_FILE);
	}
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void out_of_memory(size_t bytes)
{
	(void)bytes;
	say("confab: out of memory\n");
	_exit(EXIT_FAILED);
}

/* Handles INT, TERM and HUP, except where they are ignored. */
static void handle_endings(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler }, old;

	for (size_t i = 0; i < N_ENDINGS; i++) {
		if (sigaction(endings[i], NULL, &old) ||
		    old.sa_handler == SIG_IGN)
			continue;
		sigaction(endings[i], &action, NULL);
	}
}

void signals_init(void)
{
	struct sigaction bus = { .sa_sigaction = bus_error,
		                 .sa_flags = SA_SIGINFO };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* writes fail with EFBIG instead */
	handle_endings(end);
	sigaction(SIGBUS, &bus, NULL);
	mem_set_handler(out_of_memory);
}

static void block_endings(sigset_t *before)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < N_ENDINGS; i++)
		sigaddset(&blocked, endings[i]);
	sigprocmask(SIG_BLOCK, &blocked, before);
}

void signals_note(void)
{
	block_endings(&old_mask);
	handle_endings(note);
	noting = true;
	asked = &noted;
}

void signals_end(void)
{
	noting = false;
	asked = NULL;
	handle_endings(end);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

void signals_watch(const volatile sig_atomic_t *count)
{
	asked = count;
}

size_t signals_writable(int fd, size_t len)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	const struct timespec grace = { .tv_sec = 1 };
	sigset_t before;
	int ready;

	if (!asked)
		return len;
	block_endings(&before);
	do
		ready = ppoll(&poll_fd, 1, *asked ? &grace : NULL,
		              noting ? &old_mask : &before);
	while (ready < 0 && errno == EINTR);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!ready)
		return 0;
	return len < PIPE_BUF ? len : PIPE_BUF; /* so much room a pipe has */
}

int signals_wait(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct timespec timeout = { timeout_ms / 1000,
		                    timeout_ms % 1000 * 1000000L };

	/* Only here are the signals let in, so none is lost between looking
	 * and waiting. */
	ppoll(&poll_fd, 1, timeout_ms < 0 ? NULL : &timeout, &old_mask);
	return noted;
}
