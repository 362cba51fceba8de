import Glibc

/// A POSIX mutex with one condition. Not Synchronization's Mutex, which ThreadSanitizer does not know.
@safe final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    func withLock<R>(_ body: () -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Waits for `broadcast`; the lock is held by the caller.
    func wait() {
        unsafe pthread_cond_wait(condition, mutex)
    }

    /// Wakes all that wait.
    func broadcast() {
        unsafe pthread_cond_broadcast(condition)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }
}
