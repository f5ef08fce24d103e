# SPDX-License-Identifier: BSD-2-Clause
# Small tests of compiler flags; the project's own, so that no macro archive is needed to build.

# MD_ADD_CFLAG(VARIABLE, FLAG): append FLAG to VARIABLE when the compiler takes it without a word.
AC_DEFUN([MD_ADD_CFLAG], [
	md_save_CFLAGS=$CFLAGS
	CFLAGS="-Werror $2"
	AC_MSG_CHECKING([whether $CC takes $2])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[extern int md_nothing; int md_nothing;]])],
		[AC_MSG_RESULT([yes])
		 $1="$$1 $2"],
		[AC_MSG_RESULT([no])])
	CFLAGS=$md_save_CFLAGS
])

# MD_REQUIRE_CFLAGS(FLAGS): stop when a program cannot be compiled and linked with FLAGS.
AC_DEFUN([MD_REQUIRE_CFLAGS], [
	md_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $1"
	AC_MSG_CHECKING([whether $CC can build with $1])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([$CC cannot build with $1])])
	CFLAGS=$md_save_CFLAGS
])

# MD_IF_OPTIMISED(THEN): run THEN when CFLAGS ask for optimisation.
AC_DEFUN([MD_IF_OPTIMISED], [
	AC_MSG_CHECKING([whether the build is optimised])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error not optimised
#endif
]])],
		[AC_MSG_RESULT([yes])
		 $1],
		[AC_MSG_RESULT([no])])
])
