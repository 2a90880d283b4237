/*
 * A cable with the qualities of a bad network: an Ethernet device (TAP) in each of two network namespaces, and what enters one of them
 * leaves the other at a limited rate, late, out of order or not at all. Node cannot make TAP devices, which is why this is C; the kernel's own
 * emulator (netem) is missing in many kernels.
 *
 *   link-emulator NEAR_NAMESPACE NEAR_DEVICE FAR_NAMESPACE FAR_DEVICE
 *
 * A packet passes these steps, of which each may drop it: blackout, queue (drop-tail), rate, loss, delay. Commands come as lines on standard
 * input, and each is answered by one line of JSON:
 *
 *   set up|down NAME=NUMBER ...   up is from near to far; names are in `set_quality` below, times in microseconds
 *   carrier near|far 0|1          whether the device's host sees a cable
 *   counters
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef int64_t Nanos;

static const Nanos MICROSECOND = 1000, SECOND = 1000000000;
static const Nanos NEVER = INT64_MAX;
/* Jitter moves from one random delay to the next in this time: like a queue elsewhere that fills and drains. */
static const Nanos JITTER_STEP = 50000000;
/* Longest frame: the devices keep the default MTU of 1500, so this leaves room for tags. */
enum { MAX_FRAME = 2048 };
/* Packets read from one device before the other gets its turn. */
enum { MAX_BURST = 64 };
/* What a queue holds at least, however slow the link: a few packets. */
static const int64_t MIN_QUEUE_BYTES = 4500;
/* A packet that leaves later than this after its time is counted: by it a test tells the emulator's own jitter from the link's. */
static const Nanos LATE = 5000000;

typedef struct Packet {
  struct Packet *next;
  Nanos due;
  uint64_t order;
  int length;
  bool internet; /* IP, and not what two neighbours ask each other, which no distant link would lose */
  uint8_t bytes[];
} Packet;

typedef struct {
  double rate_bps; /* 0: unlimited */
  double queue_us, delay_us, jitter_us, reorder_by_us;
  double loss, burst, reorder, duplicate; /* shares of 1; burst: mean number of packets lost in a row */
  double blackout;
} Quality;

typedef struct {
  uint64_t packets, bytes, delivered, delivered_bytes, lost, blacked_out, overflowed, reordered, duplicated, unwritten;
  uint64_t late;
  Nanos worst_late;
} Counters;

typedef struct {
  int in, out;
  Quality quality;
  Counters counters;
  Packet *head, *tail; /* waiting for the link */
  int64_t queued_bytes;
  Nanos head_done; /* when the packet at the head has been sent whole; NEVER: not begun */
  Nanos free_at;
  Packet **heap; /* on the way, the earliest due first */
  size_t heap_size, heap_room;
  Nanos last_due;
  bool in_burst;
  double jitter_from, jitter_to; /* shares of the jitter */
  Nanos jitter_at;
} Direction;

static uint64_t random_state = 0x9e3779b97f4a7c15;
static uint64_t next_order;

static Nanos now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

/* xorshift64* */
static double chance(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (double)((random_state * 0x2545f4914f6cdd1d) >> 11) / (double)(1ull << 53);
}

static void fail(const char *what) {
  fprintf(stderr, "link-emulator: %s: %s\n", what, strerror(errno));
  exit(1);
}

static bool before(const Packet *a, const Packet *b) {
  return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void heap_add(Direction *link, Packet *packet) {
  if (link->heap_size == link->heap_room) {
    link->heap_room = link->heap_room == 0 ? 256 : 2 * link->heap_room;
    link->heap = realloc(link->heap, link->heap_room * sizeof *link->heap);
    if (link->heap == NULL) fail("memory");
  }
  size_t at = link->heap_size++;
  for (; at > 0 && before(packet, link->heap[(at - 1) / 2]); at = (at - 1) / 2) link->heap[at] = link->heap[(at - 1) / 2];
  link->heap[at] = packet;
}

static Packet *heap_take(Direction *link) {
  Packet *first = link->heap[0], *last = link->heap[--link->heap_size];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= link->heap_size) break;
    if (child + 1 < link->heap_size && before(link->heap[child + 1], link->heap[child])) child += 1;
    if (!before(link->heap[child], last)) break;
    link->heap[at] = link->heap[child];
    at = child;
  }
  link->heap[at] = last;
  return first;
}

static int64_t queue_limit(const Direction *link) {
  int64_t bytes = (int64_t)(link->quality.rate_bps / 8 * link->quality.queue_us / 1e6);
  return bytes > MIN_QUEUE_BYTES ? bytes : MIN_QUEUE_BYTES;
}

/* Losses come alone or, by Gilbert's model of two states, several in a row with the same share over time. */
static bool is_lost(Direction *link) {
  const Quality *quality = &link->quality;
  if (quality->loss <= 0) return false;
  if (quality->burst <= 1) return chance() < quality->loss;
  double leave = 1 / quality->burst;
  double enter = quality->loss >= 1 ? 1 : leave * quality->loss / (1 - quality->loss);
  link->in_burst = link->in_burst ? chance() >= leave : chance() < enter;
  return link->in_burst;
}

static Nanos jitter(Direction *link, Nanos at) {
  if (link->quality.jitter_us <= 0) return 0;
  if (at - link->jitter_at >= 2 * JITTER_STEP) link->jitter_at = at - JITTER_STEP;
  if (at - link->jitter_at >= JITTER_STEP) {
    link->jitter_at += JITTER_STEP;
    link->jitter_from = link->jitter_to;
    link->jitter_to = chance();
  }
  double way = (double)(at - link->jitter_at) / (double)JITTER_STEP;
  double share = link->jitter_from + way * (link->jitter_to - link->jitter_from);
  return (Nanos)(share * link->quality.jitter_us * (double)MICROSECOND);
}

/* The last of the steps but the way itself: the packet has been sent whole at `at`. */
static void depart(Direction *link, Packet *packet, Nanos at) {
  const Quality *quality = &link->quality;
  if (packet->internet && is_lost(link)) {
    link->counters.lost += 1;
    free(packet);
    return;
  }
  Nanos due = at + (Nanos)(quality->delay_us * (double)MICROSECOND) + jitter(link, at);
  if (packet->internet && chance() < quality->reorder) {
    due += (Nanos)(quality->reorder_by_us * (double)MICROSECOND);
    link->counters.reordered += 1;
  } else {
    if (due < link->last_due) due = link->last_due;
    link->last_due = due;
  }
  packet->due = due;
  packet->order = next_order++;
  heap_add(link, packet);
  if (packet->internet && chance() < quality->duplicate) {
    Packet *twin = malloc(sizeof *twin + (size_t)packet->length);
    if (twin == NULL) fail("memory");
    memcpy(twin, packet, sizeof *twin + (size_t)packet->length);
    twin->order = next_order++;
    link->counters.duplicated += 1;
    heap_add(link, twin);
  }
}

static void begin_head(Direction *link, Nanos at) {
  if (link->head == NULL || link->head_done != NEVER) return;
  Nanos start = link->free_at > at ? link->free_at : at;
  double rate = link->quality.rate_bps;
  link->head_done = rate <= 0 ? start : start + (Nanos)((double)link->head->length * 8e9 / rate);
}

static void enter(Direction *link, const uint8_t *bytes, int length, Nanos at) {
  link->counters.packets += 1;
  link->counters.bytes += (uint64_t)length;
  if (link->quality.blackout > 0) {
    link->counters.blacked_out += 1;
    return;
  }
  if (link->quality.rate_bps > 0 && link->queued_bytes + length > queue_limit(link)) {
    link->counters.overflowed += 1;
    return;
  }
  Packet *packet = malloc(sizeof *packet + (size_t)length);
  if (packet == NULL) fail("memory");
  packet->next = NULL;
  packet->length = length;
  uint16_t type = length >= 14 ? (uint16_t)(bytes[12] << 8 | bytes[13]) : 0;
  packet->internet = type == 0x0800 || type == 0x86dd;
  memcpy(packet->bytes, bytes, (size_t)length);
  if (link->tail == NULL) link->head = packet;
  else link->tail->next = packet;
  link->tail = packet;
  link->queued_bytes += length;
  begin_head(link, at);
}

/* The order of two packets in the queue does not change, so cutting its end leaves the head alone. */
static void trim_queue(Direction *link) {
  if (link->quality.rate_bps <= 0 || link->head == NULL) return;
  int64_t kept = link->head->length;
  Packet *last = link->head;
  while (last->next != NULL && kept + last->next->length <= queue_limit(link)) {
    last = last->next;
    kept += last->length;
  }
  for (Packet *each = last->next, *next; each != NULL; each = next) {
    next = each->next;
    link->queued_bytes -= each->length;
    link->counters.overflowed += 1;
    free(each);
  }
  last->next = NULL;
  link->tail = last;
}

/* Moves what is due. Returns when there is something to do again. */
static Nanos advance(Direction *link, Nanos at) {
  while (link->head != NULL && link->head_done <= at) {
    Packet *packet = link->head;
    link->head = packet->next;
    if (link->head == NULL) link->tail = NULL;
    link->queued_bytes -= packet->length;
    Nanos done = link->head_done;
    link->free_at = done;
    link->head_done = NEVER;
    packet->next = NULL;
    depart(link, packet, done);
    begin_head(link, done);
  }
  while (link->heap_size > 0 && link->heap[0]->due <= at) {
    Packet *packet = heap_take(link);
    Nanos late = at - packet->due;
    if (late > link->counters.worst_late) link->counters.worst_late = late;
    if (late > LATE) link->counters.late += 1;
    if (link->quality.blackout > 0) {
      link->counters.blacked_out += 1;
    } else if (write(link->out, packet->bytes, (size_t)packet->length) == packet->length) {
      link->counters.delivered += 1;
      link->counters.delivered_bytes += (uint64_t)packet->length;
    } else {
      link->counters.unwritten += 1;
    }
    free(packet);
  }
  Nanos next = link->head == NULL ? NEVER : link->head_done;
  if (link->heap_size > 0 && link->heap[0]->due < next) next = link->heap[0]->due;
  return next;
}

static void read_all(Direction *link) {
  uint8_t bytes[MAX_FRAME];
  for (int count = 0; count < MAX_BURST; count++) {
    ssize_t length = read(link->in, bytes, sizeof bytes);
    if (length <= 0) return;
    enter(link, bytes, (int)length, now());
  }
}

static bool set_quality(Quality *quality, const char *name, double value) {
  const struct {
    const char *name;
    double *field;
  } fields[] = {
      {"rate_bps", &quality->rate_bps},   {"queue_us", &quality->queue_us},   {"delay_us", &quality->delay_us},
      {"jitter_us", &quality->jitter_us}, {"loss", &quality->loss},           {"burst", &quality->burst},
      {"reorder", &quality->reorder},     {"reorder_by_us", &quality->reorder_by_us},
      {"duplicate", &quality->duplicate}, {"blackout", &quality->blackout},
  };
  for (size_t at = 0; at < sizeof fields / sizeof *fields; at++) {
    if (strcmp(fields[at].name, name) != 0) continue;
    *fields[at].field = value;
    return true;
  }
  return false;
}

static void print_direction(const char *name, const Direction *link) {
  const Counters *each = &link->counters;
  printf("\"%s\":{\"packets\":%lu,\"bytes\":%lu,\"delivered\":%lu,\"deliveredBytes\":%lu,\"lost\":%lu,\"blackedOut\":%lu,"
         "\"overflowed\":%lu,\"reordered\":%lu,\"duplicated\":%lu,\"unwritten\":%lu,\"queuedBytes\":%ld,\"late\":%lu,\"worstLateUs\":%ld}",
         name, each->packets, each->bytes, each->delivered, each->delivered_bytes, each->lost, each->blacked_out, each->overflowed,
         each->reordered, each->duplicated, each->unwritten, link->queued_bytes, each->late, each->worst_late / MICROSECOND);
}

/* Returns what is wrong with the line, NULL if nothing is. */
static const char *obey(char *line, Direction *up, Direction *down) {
  char *rest = NULL;
  const char *verb = strtok_r(line, " ", &rest);
  if (verb == NULL) return "empty";
  if (strcmp(verb, "counters") == 0) return NULL;
  const char *whom = strtok_r(NULL, " ", &rest);
  if (whom == NULL) return "of which?";
  if (strcmp(verb, "carrier") == 0) {
    const char *word = strtok_r(NULL, " ", &rest);
    int carrier = word == NULL ? 1 : atoi(word);
    /* What a device brings in is what the direction away from it reads. */
    return ioctl(strcmp(whom, "near") == 0 ? up->in : down->in, TUNSETCARRIER, &carrier) == 0 ? NULL : strerror(errno);
  }
  if (strcmp(verb, "set") != 0) return "unknown command";
  Direction *link = strcmp(whom, "up") == 0 ? up : down;
  for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
    char *value = strchr(word, '=');
    if (value == NULL) return "no value";
    *value = 0;
    if (!set_quality(&link->quality, word, atof(value + 1))) return "unknown quality";
  }
  trim_queue(link);
  return NULL;
}

/* False at the end of input. */
static bool read_commands(Direction *up, Direction *down) {
  static char text[4096];
  static size_t length;
  ssize_t got = read(0, text + length, sizeof text - length - 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  length += (size_t)got;
  text[length] = 0;
  char *line = text, *end;
  for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    const char *wrong = obey(line, up, down);
    if (wrong != NULL) printf("{\"error\":\"%s\"}\n", wrong);
    else {
      printf("{");
      print_direction("up", up);
      printf(",");
      print_direction("down", down);
      printf("}\n");
    }
    fflush(stdout);
  }
  length = strlen(line);
  memmove(text, line, length + 1);
  return true;
}

static int open_device(const char *namespace, const char *device) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0) fail(path);
  if (setns(space, CLONE_NEWNET) != 0) fail("setns");
  close(space);
  int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
  if (ioctl(file, TUNSETIFF, &request) != 0) fail(device);
  return file;
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: link-emulator NEAR_NAMESPACE NEAR_DEVICE FAR_NAMESPACE FAR_DEVICE\n");
    return 2;
  }
  int near = open_device(words[1], words[2]), far = open_device(words[3], words[4]);
  const Quality perfect = {.queue_us = 200000, .burst = 1, .reorder_by_us = 10000};
  Direction up = {.in = near, .out = far, .quality = perfect, .head_done = NEVER};
  Direction down = {.in = far, .out = near, .quality = perfect, .head_done = NEVER};
  random_state ^= (uint64_t)now() << 1;
  /* Beside busy browsers on few cores its own delay must stay small. Refused: then it is measured all the same. */
  (void)setpriority(PRIO_PROCESS, 0, -15);
  prctl(PR_SET_TIMERSLACK, 1000);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  for (;;) {
    Nanos at = now(), next = advance(&up, at), other = advance(&down, at);
    if (other < next) next = other;
    Nanos left = next == NEVER ? 0 : next - now();
    if (left < 0) left = 0;
    struct timespec timeout = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
    struct pollfd files[] = {{.fd = near, .events = POLLIN}, {.fd = far, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (ppoll(files, 3, next == NEVER ? NULL : &timeout, NULL) < 0 && errno != EINTR) fail("poll");
    if (files[2].revents != 0 && !read_commands(&up, &down)) return 0;
    if (files[0].revents & POLLIN) read_all(&up);
    if (files[1].revents & POLLIN) read_all(&down);
  }
}
