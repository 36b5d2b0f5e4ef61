// SPDX-License-Identifier: Apache-2.0
// A function that can fail returns a Result: the value, or the call that failed, its errno and its
// subject.

#ifndef RUNT_BASE_RESULT_H_
#define RUNT_BASE_RESULT_H_

#include <cstdint>
#include <string_view>
#include <utility>

namespace runt {

// Names of system calls and checks; the values are those of the generated plan/ops.gen.h.
enum class Call : std::uint32_t;

// Kept small: every call of the program copies one.
class Error {
 public:
  Error() = default;
  // `subject` must outlive the error, which travels up to the stage: it points into the plan or to
  // a literal.
  Error(int number, Call call, std::string_view subject, std::uint32_t value = 0)
      : number_(number),
        call_(call),
        subject_(subject.data()),
        subject_size_(static_cast<std::uint32_t>(subject.size())),
        value_(value) {}

  // Positive errno; 0 is no error.
  int number() const { return number_; }
  Call call() const { return call_; }
  // The path, option or name that the call was about.
  std::string_view subject() const { return {subject_, subject_size_}; }
  // A number that goes with some calls (the wait status of a hook).
  std::uint32_t value() const { return value_; }

 private:
  int number_ = 0;
  Call call_ = static_cast<Call>(0);
  const char* subject_ = nullptr;
  std::uint32_t subject_size_ = 0;
  std::uint32_t value_ = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(const Error& error) : error_(error) {}

  bool ok() const { return error_.number() == 0; }
  const Error& error() const { return error_; }
  const T& value() const { return value_; }
  T Take() { return std::move(value_); }

 private:
  T value_{};
  Error error_{};
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(const Error& error) : error_(error) {}

  bool ok() const { return error_.number() == 0; }
  const Error& error() const { return error_; }
  void Take() {}

 private:
  Error error_{};
};

using Status = Result<void>;

// The result of a raw system call: its value, or the error with errno turned positive.
Result<long> Checked(long returned, Call call, std::string_view subject);

// The same where the value does not matter.
Status Check(long returned, Call call, std::string_view subject);

}  // namespace runt

#define RUNT_CONCAT_INNER(a, b) a##b
#define RUNT_CONCAT(a, b) RUNT_CONCAT_INNER(a, b)
#define RUNT_TRY(name, expression)       \
  ({                                     \
    auto name = (expression);            \
    if (!name.ok()) return name.error(); \
    name.Take();                         \
  })

// The value of an expression of type Result; on failure the function returns the error.
#define TRY(expression) RUNT_TRY(RUNT_CONCAT(try_, __COUNTER__), expression)

#endif  // RUNT_BASE_RESULT_H_
