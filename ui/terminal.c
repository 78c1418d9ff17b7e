#include "ui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault_stack.h"
#include "base/file.h"
#include "base/mem.h"
#include "ui/cli/signals.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

#define EXIT_BAD_MODEL 3 /* a model or data file is at fault: confab(1) */

static const int told[] = { SIGINT,   SIGTERM, SIGHUP, SIGQUIT,
	                    SIGWINCH, SIGCONT, SIGTSTP };
static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS,  SIGFPE,
	                     SIGILL,  SIGSYS,  SIGTRAP, SIGXCPU };

static struct termios found;
static bool has_modes; /* standard input is a terminal */
static bool is_open;
static int signal_pipe[2] = { -1, -1 };
static char restore[512];
static size_t restore_len;
static struct sigaction old_told[ARRAY_SIZE(told)];
static struct sigaction old_fatal[ARRAY_SIZE(fatal)];
static struct sigaction old_pipe;
static volatile sig_atomic_t asked_to_leave;

/* ---- inside signal handlers: async-signal-safe calls only ---- */

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

/* While we are stopped or in the background the terminal is the shell's, and it
 * was given back already. */
static bool is_ours(void)
{
	pid_t group;

	if (!has_modes)
		return false;
	group = tcgetpgrp(STDIN_FILENO);
	return group < 0 || group == getpgrp();
}

static void restore_now(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (!is_ours())
		return;
	/* A terminal that takes no bytes must not keep us. */
	if (flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	write_all(STDOUT_FILENO, restore, restore_len);
	if (flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, flags);
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

static void die(int signal_number)
{
	sigset_t set;

	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(signal_number);
}

static void say(const char *text)
{
	write_all(STDERR_FILENO, text, strlen(text));
}

static void on_fatal(int signal_number, siginfo_t *info, void *context)
{
	static volatile sig_atomic_t dying;
	const char *path = NULL;

	(void)context;
	if (dying++)
		_exit(128 + signal_number);
	if (signal_number == SIGBUS)
		path = file_map_blame(info->si_addr);
	restore_now();
	if (path) {
		say("confab: ");
		say(path);
		say(": the file shrank or could not be read while it was in "
		    "use\n");
		_exit(EXIT_BAD_MODEL);
	}
	die(signal_number);
}

static bool asks_to_leave(int signal_number)
{
	return signal_number == SIGINT || signal_number == SIGTERM ||
	       signal_number == SIGHUP || signal_number == SIGQUIT;
}

static void on_told(int signal_number)
{
	int saved = errno;
	char byte = (char)signal_number;

	/* The second time somebody asks, the poll loop is stuck. */
	if (asks_to_leave(signal_number) && asked_to_leave++) {
		restore_now();
		die(signal_number);
	}
	if (write(signal_pipe[1], &byte, 1) < 0) {
		/* Full: there is enough to read in it. */
	}
	errno = saved;
}

static void on_no_memory(size_t bytes)
{
	(void)bytes;
	restore_now();
	say("confab: out of memory\n");
	_exit(EXIT_FAILURE);
}

/* Nobody leaves by exit() while the terminal is open but a library: readline, without
 * memory.  The other threads are at work: nothing is taken down. */
static void on_exit_of_library(void)
{
	if (!is_open)
		return;
	restore_now();
	_exit(EXIT_FAILURE);
}

/* ---- outside ---- */

static void catch_signals(void)
{
	struct sigaction tell = { .sa_handler = on_told, .sa_flags = SA_RESTART };
	struct sigaction kill_us = { .sa_sigaction = on_fatal,
		                     .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigfillset(&tell.sa_mask);
	sigfillset(&kill_us.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		sigaction(told[i], &tell, &old_told[i]);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &kill_us, &old_fatal[i]);
	sigaction(SIGPIPE, &ignore, &old_pipe);
}

int terminal_open(struct error *err)
{
	static bool told_exit;

	if (!told_exit && atexit(on_exit_of_library))
		return error_set(err, "no memory for what is done at the end");
	told_exit = true;
	has_modes = !tcgetattr(STDIN_FILENO, &found);
	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
		return error_set(err, "pipe: %s", strerror(errno));
	fault_stack_use();
	catch_signals();
	signals_watch(&asked_to_leave);
	mem_set_handler(on_no_memory);
	is_open = true;
	return 0;
}

void terminal_set_restore(const char *sequences)
{
	size_t len = strlen(sequences);

	restore_len = 0; /* a signal in between restores the modes only */
	if (len >= sizeof restore)
		len = 0;
	memcpy(restore, sequences, len);
	restore_len = len;
}

void terminal_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	if (is_ours())
		tcsetattr(STDIN_FILENO, TCSADRAIN, &found);
	mem_set_handler(NULL);
	signals_watch(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		sigaction(told[i], &old_told[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &old_fatal[i], NULL);
	sigaction(SIGPIPE, &old_pipe, NULL);
	close(signal_pipe[0]);
	close(signal_pipe[1]);
	signal_pipe[0] = signal_pipe[1] = -1;
	asked_to_leave = 0;
}

int terminal_signal_fd(void)
{
	return signal_pipe[0];
}

int terminal_next_signal(void)
{
	char byte;

	if (read(signal_pipe[0], &byte, 1) != 1)
		return 0;
	if (asks_to_leave(byte))
		asked_to_leave = 0; /* the poll loop is not stuck */
	return byte;
}

static void mask_told(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		sigaddset(&set, told[i]);
	pthread_sigmask(how, &set, NULL);
}

void terminal_block_signals(void)
{
	mask_told(SIG_BLOCK);
}

void terminal_unblock_signals(void)
{
	mask_told(SIG_UNBLOCK);
}

void terminal_stop(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL }, ours;

	sigaction(SIGTSTP, &standard, &ours);
	/* All of the group, as the terminal does it: a shell script around us
	 * stops too. */
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}

void terminal_ignore_keys(bool ignore)
{
	static struct sigaction old_int, old_quit;
	struct sigaction nothing = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, ignore ? &nothing : &old_int,
	          ignore ? &old_int : NULL);
	sigaction(SIGQUIT, ignore ? &nothing : &old_quit,
	          ignore ? &old_quit : NULL);
}

void terminal_die(int signal_number)
{
	die(signal_number);
}
