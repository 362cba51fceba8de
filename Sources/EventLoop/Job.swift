internal import CUV

/// Work for one of libuv's threads and what to do with its result on the loop.
@safe
class Job {
    let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)

    deinit { unsafe request.deallocate() }

    /// On one of libuv's threads.
    func perform() {}

    /// On the loop, after `perform`.
    func finish() {}

    /// Hands the job to libuv, which keeps it until it is finished.
    func queue(_ loop: UnsafeMutablePointer<uv_loop_t>) throws(EventLoopError) {
        unsafe uv_req_set_data(
            UnsafeMutableRawPointer(request).assumingMemoryBound(to: uv_req_t.self),
            Unmanaged.passRetained(self).toOpaque())
        let code = unsafe uv_queue_work(
            loop, request, { request in unsafe Job.object(of: request)?.takeUnretainedValue().perform() },
            { request, status in
                guard let job = unsafe Job.object(of: request)?.takeRetainedValue() else { return }
                if status >= 0 { job.finish() }
            })
        guard code >= 0 else {
            unsafe Unmanaged.passUnretained(self).release()
            throw EventLoopError(code: code, operation: "uv_queue_work")
        }
    }

    private static func object(of request: UnsafeMutablePointer<uv_work_t>?) -> Unmanaged<Job>? {
        guard let request = unsafe request,
            let data = unsafe uv_req_get_data(
                UnsafeMutableRawPointer(request).assumingMemoryBound(to: uv_req_t.self))
        else { return nil }
        return unsafe Unmanaged<Job>.fromOpaque(data)
    }
}

/// A job with a result of one type.
final class TypedJob<R: Sendable>: Job {
    private let work: @Sendable () -> R
    private let then: (R) -> Void
    /// Written on libuv's thread, read on the loop afterwards; libuv's queue orders the two.
    private var result: R?
    private let owner: EventLoop

    init(owner: EventLoop, _ work: @escaping @Sendable () -> R, then: @escaping (R) -> Void) {
        self.owner = owner
        self.work = work
        self.then = then
    }

    override func perform() { result = work() }

    override func finish() {
        guard let result, !owner.isClosed else { return }
        then(result)
    }
}
