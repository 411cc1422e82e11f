// Kinds of wait for deadlines.c: by the C++ library. It reads the clocks itself, by its functions.
#include "deadlines.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

nanoseconds asked(const job *job)
{
	return nanoseconds(job->asked);
}

template <typename Clock> typename Clock::time_point deadline(const job *job)
{
	return Clock::now() + std::chrono::duration_cast<typename Clock::duration>(asked(job));
}

int timed_out(bool got)
{
	return got ? 0 : ETIMEDOUT;
}

int condition_for(job *job)
{
	std::mutex mutex;
	std::condition_variable condition;
	std::unique_lock lock(mutex);

	return timed_out(condition.wait_for(lock, asked(job), [] { return false; }));
}

template <typename Clock> int condition_until(job *job)
{
	std::mutex mutex;
	std::condition_variable condition;
	std::unique_lock lock(mutex);

	return timed_out(condition.wait_until(lock, deadline<Clock>(job), [] { return false; }));
}

template <typename Clock> int any_condition_until(job *job)
{
	std::shared_mutex mutex;
	std::condition_variable_any condition;
	std::shared_lock lock(mutex);

	return timed_out(condition.wait_until(lock, deadline<Clock>(job), [] { return false; }));
}

int future_for(job *job)
{
	std::promise<int> promise;

	return timed_out(promise.get_future().wait_for(asked(job)) == std::future_status::ready);
}

template <typename Clock> int future_until(job *job)
{
	std::promise<int> promise;

	return timed_out(promise.get_future().wait_until(deadline<Clock>(job)) == std::future_status::ready);
}

// Locked by a thread that is not the one that waits.
template <typename Mutex> class held {
public:
	held() : holder([this] {
		std::lock_guard lock(mutex);

		locked.release();
		done.acquire();
	})
	{
		locked.acquire();
	}

	~held()
	{
		done.release();
		holder.join();
	}

	Mutex mutex;

private:
	std::binary_semaphore locked{0}, done{0};
	std::thread holder;
};

template <typename Mutex> int lock_for(job *job)
{
	held<Mutex> held;

	return timed_out(held.mutex.try_lock_for(asked(job)));
}

template <typename Mutex, typename Clock> int lock_until(job *job)
{
	held<Mutex> held;

	return timed_out(held.mutex.try_lock_until(deadline<Clock>(job)));
}

template <typename Clock> int share_until(job *job)
{
	held<std::shared_timed_mutex> held;

	return timed_out(held.mutex.try_lock_shared_until(deadline<Clock>(job)));
}

int semaphore_for(job *job)
{
	std::counting_semaphore<4> semaphore(0);

	return timed_out(semaphore.try_acquire_for(asked(job)));
}

template <typename Clock> int semaphore_until(job *job)
{
	std::counting_semaphore<4> semaphore(0);

	return timed_out(semaphore.try_acquire_until(deadline<Clock>(job)));
}

int sleep_for(job *job)
{
	std::this_thread::sleep_for(asked(job));
	return 0;
}

template <typename Clock> int sleep_until(job *job)
{
	std::this_thread::sleep_until(deadline<Clock>(job));
	return 0;
}

// An object above the wait, whose destructor must run when the thread is cancelled.
struct witness {
	struct job *job;
	~witness() { job->out->destroyed++; }
};

constexpr kind wait_of(const char *name, enum deadline deadline, int (*wait)(job *))
{
	return {name, deadline, nullptr, wait, nullptr, 0, nullptr};
}

} // namespace

extern "C" int make_wait(struct job *job)
{
	witness witness{job};
	int result = job->kind->wait(job);

	return result;
}

// What the library tells the kernel; where it waits again until its own clock agrees, that is RELATIVE.
extern const kind cxx_kinds[] = {
	wait_of("condition_variable::wait_for", MONOTONIC, condition_for),
	wait_of("condition_variable::wait_until, system_clock", WALL, condition_until<system_clock>),
	wait_of("condition_variable::wait_until, steady_clock", MONOTONIC, condition_until<steady_clock>),
	wait_of("condition_variable_any::wait_until, system_clock", WALL, any_condition_until<system_clock>),
	wait_of("condition_variable_any::wait_until, steady_clock", MONOTONIC, any_condition_until<steady_clock>),
	wait_of("future::wait_for", MONOTONIC, future_for),
	wait_of("future::wait_until, system_clock", WALL, future_until<system_clock>),
	wait_of("future::wait_until, steady_clock", MONOTONIC, future_until<steady_clock>),
	wait_of("timed_mutex::try_lock_for", MONOTONIC, lock_for<std::timed_mutex>),
	wait_of("timed_mutex::try_lock_until, system_clock", WALL, lock_until<std::timed_mutex, system_clock>),
	wait_of("timed_mutex::try_lock_until, steady_clock", MONOTONIC, lock_until<std::timed_mutex, steady_clock>),
	wait_of("recursive_timed_mutex::try_lock_for", MONOTONIC, lock_for<std::recursive_timed_mutex>),
	wait_of("shared_timed_mutex::try_lock_for", MONOTONIC, lock_for<std::shared_timed_mutex>),
	wait_of("shared_timed_mutex::try_lock_shared_until, system_clock", WALL, share_until<system_clock>),
	wait_of("counting_semaphore::try_acquire_for", MONOTONIC, semaphore_for),
	wait_of("counting_semaphore::try_acquire_until, system_clock", WALL, semaphore_until<system_clock>),
	wait_of("counting_semaphore::try_acquire_until, steady_clock", MONOTONIC, semaphore_until<steady_clock>),
	wait_of("this_thread::sleep_for", RELATIVE, sleep_for),
	wait_of("this_thread::sleep_until, system_clock", RELATIVE, sleep_until<system_clock>),
	wait_of("this_thread::sleep_until, steady_clock", RELATIVE, sleep_until<steady_clock>),
	{},
};
