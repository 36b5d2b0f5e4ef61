// SPDX-License-Identifier: Apache-2.0
// Files that are read again and again, such as the statistics of cgroups: opening one costs ten times as much as reading it.
//
// They are open in a thread that has a table of descriptors of its own. In the program's table thousands of descriptors would
// make each new process of the program dearer, because every one gets a copy of the table.
#ifndef RUNT_WATCH_HELD_FILES_H_
#define RUNT_WATCH_HELD_FILES_H_

#include <pthread.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace runt::watch {

// What a file holds: `error` is 0, or a positive errno.
struct Content {
  int error = 0;
  std::string text;

  bool operator==(const Content&) const = default;
};

struct Changed {
  int set = 0;
  int slot = 0;
  // Of the file; valid until the next call.
  const Content* content = nullptr;
};

// All functions are called by one thread.
class HeldFiles {
 public:
  HeldFiles() = default;
  HeldFiles(const HeldFiles&) = delete;
  HeldFiles& operator=(const HeldFiles&) = delete;

  // Starts the thread; 0 or a positive errno.
  int Start();
  // Ends the thread, and closes all files.
  void Stop();
  // Adds a file to a set and reads it. Its slot is the number of files that the set had before.
  const Content& Add(int set, std::string path);
  // Reads the files of sets again.
  const std::vector<Changed>& Refresh(std::vector<int> sets);
  void Drop(int set);

 private:
  struct File {
    std::string path;
    int fd = -1;
    Content content;
  };

  enum class Job { kNone, kAdd, kRefresh, kDrop, kStop };

  static void* Main(void* self);
  void Serve();
  void Hand(Job job);
  void ReadAgain(int set, std::vector<File>& files);
  bool Load(File& file);
  int ReadInto(int fd, std::string& text);
  void Close(File& file);

  pthread_t thread_ = {};
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t asked_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
  Job job_ = Job::kNone;
  bool is_running_ = false;
  bool has_own_table_ = false;
  size_t most_open_ = 0;
  size_t open_ = 0;

  // The job's input and output.
  std::vector<int> sets_;
  std::string path_;
  const Content* added_ = nullptr;
  std::vector<Changed> changed_;

  std::map<int, std::vector<File>> files_;
};

}  // namespace runt::watch

#endif  // RUNT_WATCH_HELD_FILES_H_
