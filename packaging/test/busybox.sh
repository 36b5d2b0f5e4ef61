# SPDX-License-Identifier: Apache-2.0
# A system that has busybox, and nothing else.
. /box/common.sh
archive_life "/release/runt-$VERSION-linux-x86_64.tar.gz"
echo done
