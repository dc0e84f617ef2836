: Given spike times as events. Times may repeat: two spikes at one time are two events.
NEURON {
    ARTIFICIAL_CELL CoincideSource
    THREADSAFE          : without it the code that is made for BBCOREPOINTER does not compile
    BBCOREPOINTER times : the Vector given to play(), in ms, sorted; whoever gave it keeps it alive
}
ASSIGNED {
    next
    due
    times
}
INITIAL {
    next = 0
    advance()
    if (due >= 0) {
        net_send(due, 1)
    }
}
NET_RECEIVE(w) {
    if (flag == 1) {
        net_event(t)
        advance()
        if (due >= 0) {
            net_send(due - t, 1)
        }
    }
}
PROCEDURE advance() {
VERBATIM
    IvocVect* given = (IvocVect*) _p_times;
    due = -1.;
    if (given && (int) next < vector_capacity(given)) {
        due = vector_vec(given)[(int) next];
        if (due < t) {
            due = t;
        }
        next += 1.;
    }
ENDVERBATIM
}
PROCEDURE play() {
VERBATIM
    IvocVect** given = (IvocVect**) (&_p_times);
    *given = vector_arg(1);
ENDVERBATIM
}
VERBATIM
#ifndef CORENEURON_BUILD
static void bbcore_write(double* x, int* d, int* xx, int* offset, _threadargsproto_) {}
#endif
static void bbcore_read(double* x, int* d, int* xx, int* offset, _threadargsproto_) {}
ENDVERBATIM
