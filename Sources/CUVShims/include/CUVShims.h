#pragma once

/// Makes a second delivery of a signal end the process, even when the loop is stuck and even as process 1, for which
/// the kernel ignores signals with the default disposition.
///
/// The first delivery goes to the handler that is installed now. The second one restores the default disposition and
/// raises the signal again; where that does not end the process, `_exit(128 + number)` does.
///
/// Call it after `uv_signal_start` for the number, on the loop's thread. It holds for the process until libuv takes its
/// handler away (the last watch of the number is stopped).
///
/// @param number The signal's number, 1 to 64.
/// @return 0, or a negative errno, which is libuv's form of an error.
__attribute__((warn_unused_result)) int uv_shims_end_on_second(int number);
