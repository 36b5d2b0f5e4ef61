// SPDX-License-Identifier: Apache-2.0
#include "held_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace runt::watch {
namespace {

// The kernel keeps some 5 KiB for each open file that has been read. Further files are opened for each reading.
constexpr size_t kMostOpen = 12288;
// Descriptors that stay free below the limit.
constexpr size_t kSpare = 64;
constexpr size_t kFirstRead = 16384;
constexpr size_t kLongest = 1 << 20;
constexpr unsigned kUnshare = 1U << 1;  // CLOSE_RANGE_UNSHARE

// An empty table of descriptors for the calling thread: with the old descriptors in it, the ends of pipes that the program closes
// would stay open here. Before Linux 5.9 there is no such call.
bool TakeOwnTable() { return syscall(SYS_close_range, 0U, ~0U, kUnshare) == 0; }

size_t OpenAtMost() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= kSpare) return 0;
  const size_t room = static_cast<size_t>(limit.rlim_cur) - kSpare;
  return room < kMostOpen ? room : kMostOpen;
}

}  // namespace

int HeldFiles::Start() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Signals are for the threads of the program.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int problem = pthread_create(&thread_, nullptr, Main, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  is_running_ = problem == 0;
  return problem;
}

void HeldFiles::Stop() {
  if (!is_running_) return;
  Hand(Job::kStop);
  pthread_join(thread_, nullptr);
  is_running_ = false;
}

const Content& HeldFiles::Add(int set, std::string path) {
  sets_.assign(1, set);
  path_ = std::move(path);
  Hand(Job::kAdd);
  return *added_;
}

const std::vector<Changed>& HeldFiles::Refresh(std::vector<int> sets) {
  sets_ = std::move(sets);
  changed_.clear();
  Hand(Job::kRefresh);
  return changed_;
}

void HeldFiles::Drop(int set) {
  sets_.assign(1, set);
  Hand(Job::kDrop);
}

void HeldFiles::Hand(Job job) {
  pthread_mutex_lock(&mutex_);
  job_ = job;
  pthread_cond_signal(&asked_);
  while (job_ != Job::kNone) pthread_cond_wait(&done_, &mutex_);
  pthread_mutex_unlock(&mutex_);
}

void* HeldFiles::Main(void* self) {
  static_cast<HeldFiles*>(self)->Serve();
  return nullptr;
}

void HeldFiles::Serve() {
  has_own_table_ = TakeOwnTable();
  most_open_ = has_own_table_ ? OpenAtMost() : 0;
  pthread_mutex_lock(&mutex_);
  for (;;) {
    while (job_ == Job::kNone) pthread_cond_wait(&asked_, &mutex_);
    const bool is_last = job_ == Job::kStop;
    switch (job_) {
      case Job::kAdd: {
        std::vector<File>& files = files_[sets_[0]];
        files.emplace_back();
        files.back().path = std::move(path_);
        Load(files.back());
        added_ = &files.back().content;
        break;
      }
      case Job::kRefresh:
        for (const int set : sets_) {
          const auto found = files_.find(set);
          if (found != files_.end()) ReadAgain(set, found->second);
        }
        break;
      case Job::kDrop: {
        const auto found = files_.find(sets_[0]);
        if (found == files_.end()) break;
        for (File& file : found->second) Close(file);
        files_.erase(found);
        break;
      }
      case Job::kStop:
        for (auto& [set, files] : files_) {
          for (File& file : files) Close(file);
        }
        files_.clear();
        break;
      case Job::kNone:
        break;
    }
    job_ = Job::kNone;
    pthread_cond_signal(&done_);
    if (is_last) break;
  }
  pthread_mutex_unlock(&mutex_);
}

void HeldFiles::ReadAgain(int set, std::vector<File>& files) {
  for (size_t slot = 0; slot < files.size(); ++slot) {
    if (Load(files[slot])) changed_.push_back({set, static_cast<int>(slot), &files[slot].content});
  }
}

// Reads a file; true where it holds something else than before.
bool HeldFiles::Load(File& file) {
  Content now;
  if (file.fd >= 0) {
    now.error = ReadInto(file.fd, now.text);
    // The cgroup is gone. There may be a new one of that name.
    if (now.error != 0) Close(file);
  }
  if (file.fd < 0) {
    const int fd = open(file.path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
    now.error = fd < 0 ? errno : ReadInto(fd, now.text);
    if (fd >= 0 && now.error == 0 && open_ < most_open_) {
      file.fd = fd;
      ++open_;
    } else if (fd >= 0) {
      close(fd);
    }
  }
  if (now.error != 0) now.text.clear();
  if (now == file.content) return false;
  file.content = std::move(now);
  return true;
}

// The kernel makes the whole text of such a file for its first read: a read that does not fill the buffer has all of it.
int HeldFiles::ReadInto(int fd, std::string& text) {
  char buffer[kFirstRead];
  for (;;) {
    const ssize_t count = pread(fd, buffer, sizeof(buffer), static_cast<off_t>(text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.append(buffer, static_cast<size_t>(count));
    if (static_cast<size_t>(count) < sizeof(buffer)) return 0;
    if (text.size() > kLongest) return EFBIG;
  }
}

void HeldFiles::Close(File& file) {
  if (file.fd < 0) return;
  close(file.fd);
  file.fd = -1;
  --open_;
}

}  // namespace runt::watch
