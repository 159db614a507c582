"""Schedules: when something is to happen again and again. Rules are values; no clock is read here.

A rule is a `Cron` expression, an `Every` interval or a `Weekly` timetable; a moment at which it comes due is a *tick*.
"""
