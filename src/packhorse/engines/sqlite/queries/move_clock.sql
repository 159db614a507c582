-- Moves the one clock that every statement reads; for the testing kit only.
update {clock} set offset_us = :offset
